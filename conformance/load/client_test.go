//go:build testall

package load

import (
	"bufio"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"strconv"
	"time"
)

// patience is how long a test waits for what must happen.
const patience = 60 * time.Second

// client is a browser with one connection, and with sessions that no other client has. It lives
// longer than its connection: under the next server it comes with the same cookies.
type client struct {
	name    int
	held    []*held
	chance  *rand.Rand
	latency histogram
	made    tally // sessions that were saved

	conn   net.Conn
	reader *bufio.Reader
}

// held is one session, and what the client knows of it.
type held struct {
	id   string
	n    int
	user string
}

func newClient(name, sessions int) *client {
	c := &client{name: name, chance: rand.New(rand.NewPCG(uint64(name), 1)), held: make([]*held, sessions)}
	for i := range c.held {
		c.held[i] = &held{user: fmt.Sprintf("u%d-%d", name, i/3)}
	}
	return c
}

func (c *client) dial(addr string) error {
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		return err
	}
	c.conn, c.reader = conn, bufio.NewReader(conn)
	return nil
}

func (c *client) hangUp() {
	if c.conn != nil {
		_ = c.conn.Close()
	}
}

// response is what the client needs of one.
type response struct {
	status int
	body   string
	cookie *http.Cookie // nil if none was set
}

func (c *client) get(path, id string) (response, error) {
	if err := c.conn.SetDeadline(time.Now().Add(patience)); err != nil {
		return response{}, err
	}
	cookie := ""
	if id != "" {
		cookie = "Cookie: session=" + id + "\r\n"
	}
	if _, err := fmt.Fprintf(c.conn, "GET %s HTTP/1.1\r\nHost: load\r\n%s\r\n", path, cookie); err != nil {
		return response{}, err
	}
	r, err := http.ReadResponse(c.reader, nil)
	if err != nil {
		return response{}, err
	}
	defer r.Body.Close()
	body, err := io.ReadAll(r.Body)
	got := response{status: r.StatusCode, body: string(body)}
	for _, set := range r.Cookies() {
		if set.Name == "session" {
			got.cookie = set
		}
	}
	return got, err
}

// want sends a request that must be answered with that number. It keeps the cookie.
func (c *client) want(path string, h *held, n int) error {
	r, err := c.get(path, h.id)
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	if r.status != http.StatusOK || r.body != strconv.Itoa(n) {
		return fmt.Errorf("%s: got %d %.200q, want 200 and %d", path, r.status, r.body, n)
	}
	h.n = n
	if r.cookie != nil {
		if h.id = r.cookie.Value; r.cookie.MaxAge < 0 {
			h.id = ""
		}
	}
	return nil
}

// open makes a session.
func (c *client) open(h *held) error {
	h.id = ""
	if err := c.want("/new", h, 0); err != nil {
		return err
	}
	return c.has(h)
}

// has counts a session that was saved.
func (c *client) has(h *held) error {
	if h.id == "" {
		return fmt.Errorf("a new session has no cookie")
	}
	c.made.add(handle(h.id))
	return nil
}

// work sends one request, to one of the sessions, or two to end it and make another.
func (c *client) work() error {
	h := c.held[c.chance.IntN(len(c.held))]
	switch chance := c.chance.IntN(100); {
	case chance < 50:
		return c.want("/read", h, h.n)
	case chance < 80:
		return c.want("/change", h, h.n+1)
	case chance < 86:
		return c.want("/merge", h, h.n)
	case chance < 90:
		before := h.id
		if err := c.want("/rotate", h, h.n); err != nil || h.id != before {
			return err
		}
		return fmt.Errorf("a rotation kept the cookie")
	case chance < 94:
		return c.want("/in?user="+h.user, h, h.n)
	case chance < 96:
		if err := c.want("/out", h, h.n); err != nil {
			return err
		}
		if h.id != "" {
			return fmt.Errorf("a logout left the cookie")
		}
		return c.open(h)
	case chance < 98:
		brief := &held{}
		if err := c.want("/brief", brief, 0); err != nil {
			return err
		}
		return c.has(brief)
	default:
		return c.want("/read", &held{}, 0)
	}
}

// check reads all sessions: none has lost a change.
func (c *client) check() error {
	for _, h := range c.held {
		if err := c.want("/read", h, h.n); err != nil {
			return err
		}
	}
	return nil
}
