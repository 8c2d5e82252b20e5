// Package load is the clients: each has a connection of its own, and sends its next
// request when it has the response to the last one. They share the process and the cores
// with the servers, so they do little: requests are written and responses are read into
// memory that is used again.
package load

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"net"
	"strconv"
	"time"

	"github.com/valyala/fasthttp"
)

// patience is how long a response may take before a run is given up.
const patience = 60 * time.Second

// Client is one connection to a server.
type Client struct {
	conn     net.Conn
	name     string // no other client of the machine has it
	reader   *bufio.Reader
	response fasthttp.Response
}

// Dial connects to a server.
func Dial(addr string) (*Client, error) {
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		return nil, err
	}
	return &Client{conn: conn, name: conn.LocalAddr().String(), reader: bufio.NewReader(conn)}, nil
}

// Close ends the connection.
func (c *Client) Close() error { return c.conn.Close() }

// Request is what is sent, byte for byte. Cookie is name=value, or "" for none.
func Request(method, path, cookie string) []byte {
	return appendRequest(nil, method, path, cookie)
}

func appendRequest(b []byte, method, path, cookie string) []byte {
	b = append(append(b, method...), ' ')
	b = append(append(b, path...), " HTTP/1.1\r\nHost: 127.0.0.1\r\n"...)
	if cookie != "" {
		b = append(append(append(b, "Cookie: "...), cookie...), "\r\n"...)
	}
	if method != "GET" {
		b = append(b, "Content-Length: 0\r\n"...)
	}
	return append(b, "\r\n"...)
}

// Reply is the body of a response: the number in the session, and the length of a string
// that was read.
type Reply struct{ N, Size int }

// Do sends a request and reads the response. An error, or a status other than 200,
// makes the client useless.
func (c *Client) Do(request []byte) (Reply, error) {
	if err := c.conn.SetDeadline(time.Now().Add(patience)); err != nil {
		return Reply{}, err
	}
	if _, err := c.conn.Write(request); err != nil {
		return Reply{}, err
	}
	c.response.Reset()
	if err := c.response.Read(c.reader); err != nil {
		return Reply{}, err
	}
	if status := c.response.StatusCode(); status != fasthttp.StatusOK {
		return Reply{}, fmt.Errorf("status %d: %s", status, c.response.Body())
	}
	return parse(c.response.Body())
}

// Open sends a request without a cookie and returns the one that it was answered with.
func (c *Client) Open(path string) (cookie string, err error) {
	if _, err := c.Do(Request("POST", path, "")); err != nil {
		return "", err
	}
	if cookie = c.cookie(); cookie == "" {
		return "", errors.New("load: a new session came without a cookie")
	}
	return cookie, nil
}

// cookie is the last that came with the last response, which replaces those before it: a
// library may delete a session's cookie and then set the new one. It is "" if none came.
func (c *Client) cookie() string {
	var pair []byte
	//nolint:staticcheck // its successor is not in the fasthttp of Fiber 2, which this module requires
	c.response.Header.VisitAllCookie(func(_, value []byte) {
		pair, _, _ = bytes.Cut(value, []byte(";"))
	})
	return string(pair)
}

func parse(body []byte) (Reply, error) {
	n, size, _ := bytes.Cut(body, []byte(" "))
	var (
		r    Reply
		errs [2]error
	)
	r.N, errs[0] = strconv.Atoi(string(n)) // these conversions do not allocate
	r.Size, errs[1] = strconv.Atoi(string(size))
	return r, errors.Join(errs[:]...)
}
