package load

import (
	"errors"
	"fmt"
	"strconv"
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
	Rotate
	// SignIn is a rotation that makes the session that of a user. Each session does it
	// once, and each for a user of its own.
	SignIn
)

// Rotates is whether the session has a new ID after it.
func (w Work) Rotates() bool { return w == Rotate || w == SignIn }

// ErrUsedUp means that all sessions of a client have signed in. It ends a [Run].
var ErrUsedUp = errors.New("load: all sessions have signed in")

// Sessions are sessions of one client: nobody else changes them, so that the client
// knows what each response must say.
type Sessions struct {
	cookies  []string
	n        []int
	size     int
	stores   bool
	next     int
	signedIn int
	request  []byte // used again
}

// NewSessions makes so many sessions at a server. Stores is whether the server keeps
// what it is told; otherwise responses are not looked at.
func NewSessions(c *Client, shape Shape, count int, stores bool) (*Sessions, error) {
	s := &Sessions{cookies: make([]string, count), n: make([]int, count), stores: stores}
	if shape.Fields > 0 {
		s.size = shape.Size
	}
	for i := range s.cookies {
		var err error
		if s.cookies[i], err = c.Open(shape.Path()); err != nil {
			return nil, err
		}
	}
	return s, nil
}

var (
	errStranger = errors.New("load: a client without a cookie saw a session")
	errKept     = errors.New("load: a session was to have a new cookie and kept the old one")
)

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
	if w == SignIn {
		if s.signedIn == len(s.n) {
			return ErrUsedUp
		}
		s.signedIn++
	}
	i := s.next
	s.next = (i + 1) % len(s.n)
	method, path := s.route(c, w, i)
	s.request = appendRequest(s.request[:0], method, path, s.cookies[i])
	r, err := c.Do(s.request)
	if err != nil {
		return err
	}
	if w.Rotates() {
		cookie := c.cookie()
		if cookie == "" || cookie == s.cookies[i] {
			return errKept
		}
		s.cookies[i] = cookie
	}
	if !s.stores {
		return nil
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

// Check reads all sessions, each with its last cookie.
func (s *Sessions) Check(c *Client) error {
	for range s.n {
		if err := s.Do(c, Read); err != nil {
			return err
		}
	}
	return nil
}

// route is where the work is done on one of the sessions.
func (s *Sessions) route(c *Client, w Work, session int) (method, path string) {
	switch w {
	case Change:
		return "POST", "/change"
	case Rotate:
		return "POST", "/rotate"
	case SignIn:
		return "POST", "/rotate?user=" + c.name + "-" + strconv.Itoa(session)
	default:
		return "GET", "/read"
	}
}
