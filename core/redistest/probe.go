package redistest

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"time"
)

// probe reports whether the server at addr is ready and is the process pid.
// The second half matters: while ours still fails to bind a port that was
// taken in between, a server of some other test may answer PING there.
func probe(ctx context.Context, addr, password string, pid int) error {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	var d net.Dialer
	conn, err := d.DialContext(ctx, "tcp", addr)
	if err != nil {
		return err
	}
	defer conn.Close()
	if deadline, ok := ctx.Deadline(); ok {
		if err := conn.SetDeadline(deadline); err != nil {
			return err
		}
	}
	c := respConn{conn, bufio.NewReader(conn)}
	if password != "" {
		if _, err := c.do("AUTH", password); err != nil {
			return err
		}
	}
	if _, err := c.do("PING"); err != nil { // LOADING is an error too
		return err
	}
	info, err := c.do("INFO", "server")
	if err != nil {
		return err
	}
	for line := range strings.Lines(info) {
		if value, ok := strings.CutPrefix(line, "process_id:"); ok {
			if got := strings.TrimSpace(value); got != strconv.Itoa(pid) {
				return fmt.Errorf("another server, process %s, answers at %s", got, addr)
			}
			return nil
		}
	}
	return errors.New("INFO names no process_id")
}

// respConn speaks as much of Redis's protocol as probe needs.
type respConn struct {
	w io.Writer
	r *bufio.Reader
}

func (c respConn) do(args ...string) (string, error) {
	var b strings.Builder
	fmt.Fprintf(&b, "*%d\r\n", len(args))
	for _, a := range args {
		fmt.Fprintf(&b, "$%d\r\n%s\r\n", len(a), a)
	}
	if _, err := io.WriteString(c.w, b.String()); err != nil {
		return "", err
	}
	line, err := c.r.ReadString('\n')
	if err != nil {
		return "", err
	}
	line = strings.TrimRight(line, "\r\n")
	if line == "" {
		return "", errors.New("empty reply")
	}
	switch kind, rest := line[0], line[1:]; kind {
	case '+':
		return rest, nil
	case '-':
		return "", errors.New(rest)
	case '$':
		n, err := strconv.Atoi(rest)
		if err != nil || n < 0 {
			return "", fmt.Errorf("unexpected reply %q", line)
		}
		body := make([]byte, n+len("\r\n"))
		if _, err := io.ReadFull(c.r, body); err != nil {
			return "", err
		}
		return string(body[:n]), nil
	default:
		return "", fmt.Errorf("unexpected reply %q", line)
	}
}
