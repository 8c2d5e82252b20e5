package redistest

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"time"
)

const replyTimeout = 5 * time.Second

// respConn speaks the part of Redis's protocol that the package needs.
type respConn struct {
	net.Conn
	r *bufio.Reader
}

// connect dials and logs in. The connection works until ctx ends, for replyTimeout at most.
func connect(ctx context.Context, addr string, c config) (*respConn, error) {
	ctx, cancel := context.WithTimeout(ctx, replyTimeout)
	defer cancel()
	dial := new(net.Dialer).DialContext
	if c.certs != nil {
		dial = (&tls.Dialer{Config: c.certs.Config()}).DialContext
	}
	conn, err := dial(ctx, "tcp", addr)
	if err != nil {
		return nil, err
	}
	rc := &respConn{conn, bufio.NewReader(conn)}
	deadline, _ := ctx.Deadline()
	if err = conn.SetDeadline(deadline); err == nil && c.login.password != "" {
		_, err = rc.do(c.login.command()...)
	}
	if err != nil {
		conn.Close()
		return nil, err
	}
	return rc, nil
}

// ask sends one command on a connection of its own, and returns the same as list.
func (s *Server) ask(ctx context.Context, args ...string) ([]string, error) {
	c, err := connect(ctx, s.Addr(), s.opts)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", s.Addr(), err)
	}
	defer c.Close()
	replies, err := c.list(args...)
	if err != nil {
		return nil, fmt.Errorf("%s: %s: %w", s.Addr(), strings.Join(args[:min(2, len(args))], " "), err)
	}
	return replies, nil
}

// do sends one command, and returns its reply, which must be a string or a number.
func (c *respConn) do(args ...string) (string, error) {
	replies, err := c.list(args...)
	if err != nil {
		return "", err
	}
	if len(replies) != 1 {
		return "", fmt.Errorf("%d replies where one was expected", len(replies))
	}
	return replies[0], nil
}

// list sends one command, and returns all strings and numbers in the reply, in order. It leaves out
// nil.
func (c *respConn) list(args ...string) ([]string, error) {
	var b strings.Builder
	fmt.Fprintf(&b, "*%d\r\n", len(args))
	for _, a := range args {
		fmt.Fprintf(&b, "$%d\r\n%s\r\n", len(a), a)
	}
	if _, err := io.WriteString(c, b.String()); err != nil {
		return nil, err
	}
	return c.read(nil)
}

// read appends one reply to replies.
func (c *respConn) read(replies []string) ([]string, error) {
	line, err := c.r.ReadString('\n')
	if err != nil {
		return nil, err
	}
	line = strings.TrimRight(line, "\r\n")
	if line == "" {
		return nil, errors.New("empty reply")
	}
	kind, rest := line[0], line[1:]
	switch kind {
	case '+', ':':
		return append(replies, rest), nil
	case '-':
		return nil, errors.New(rest)
	case '$', '*':
	default:
		return nil, fmt.Errorf("unexpected reply %q", line)
	}
	n, err := strconv.Atoi(rest)
	switch {
	case err != nil || n < -1:
		return nil, fmt.Errorf("unexpected reply %q", line)
	case n == -1:
		return replies, nil
	case kind == '$':
		body := make([]byte, n+len("\r\n"))
		if _, err := io.ReadFull(c.r, body); err != nil {
			return nil, err
		}
		return append(replies, string(body[:n])), nil
	}
	for range n {
		if replies, err = c.read(replies); err != nil {
			return nil, err
		}
	}
	return replies, nil
}

// field returns the value of name in a reply of INFO or CLUSTER INFO, or "".
func field(info, name string) string {
	for line := range strings.Lines(info) {
		if value, ok := strings.CutPrefix(line, name+":"); ok {
			return strings.TrimSpace(value)
		}
	}
	return ""
}
