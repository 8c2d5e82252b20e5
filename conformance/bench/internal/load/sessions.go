package load

import (
	"errors"
	"fmt"
)

// Shape is what a session holds besides its number: so many strings of so many bytes.
type Shape struct{ Fields, Size int }

// Path is where such a session is made.
func (s Shape) Path() string { return fmt.Sprintf("/fill?fields=%d&size=%d", s.Fields, s.Size) }

// Work is what each request does.
type Work int

// The kinds of work.
const (
	NoCookie Work = iota
	Read
	Change
)

// Sessions are sessions of one client: nobody else changes them, so that the client
// knows what each response must say.
type Sessions struct {
	requests [2][][]byte // by work, less NoCookie
	n        []int
	size     int
	stores   bool
	next     int
}

// NewSessions makes so many sessions at a server. Stores is whether the server keeps
// what it is told; otherwise responses are not looked at.
func NewSessions(c *Client, shape Shape, count int, stores bool) (*Sessions, error) {
	cookies := make([]string, count)
	for i := range cookies {
		var err error
		if cookies[i], err = c.Open(shape.Path()); err != nil {
			return nil, err
		}
	}
	return adopt(cookies, shape, stores), nil
}

func adopt(cookies []string, shape Shape, stores bool) *Sessions {
	s := &Sessions{n: make([]int, len(cookies)), stores: stores}
	if shape.Fields > 0 {
		s.size = shape.Size
	}
	for _, cookie := range cookies {
		s.requests[0] = append(s.requests[0], Request("GET", "/read", cookie))
		s.requests[1] = append(s.requests[1], Request("POST", "/change", cookie))
	}
	return s
}

var errStranger = errors.New("load: a client without a cookie saw a session")

var strange = Request("GET", "/read", "")

// Do sends one request, to the next of the sessions in turn, and checks the response.
func (s *Sessions) Do(c *Client, w Work) error {
	if w == NoCookie {
		r, err := c.Do(strange)
		if err == nil && r != (Reply{}) {
			err = errStranger
		}
		return err
	}
	i := s.next
	s.next = (i + 1) % len(s.n)
	r, err := c.Do(s.requests[w-1][i])
	if err != nil || !s.stores {
		return err
	}
	if w == Change {
		s.n[i]++
		r.Size = s.size // the response to a change does not tell it
	}
	if want := (Reply{s.n[i], s.size}); r != want {
		return fmt.Errorf("load: a session holds %+v, and not %+v", r, want)
	}
	return nil
}

func (w Work) String() string {
	return [...]string{"no cookie", "read", "read-change-write"}[w]
}
