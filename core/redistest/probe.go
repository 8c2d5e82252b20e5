package redistest

import (
	"context"
	"fmt"
	"strconv"
	"time"
)

// probe reports whether the server is ready and is the process pid. It must check the pid: the
// server of another test may have taken the port in between. That one answers PING, while ours
// still fails to bind.
func (s *Server) probe(ctx context.Context, pid int) error {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	c, err := connect(ctx, s.Addr(), s.opts)
	if err != nil {
		return err
	}
	defer c.Close()
	if _, err := c.do("PING"); err != nil { // LOADING is an error too
		return err
	}
	info, err := c.do("INFO", "server")
	if err != nil {
		return err
	}
	if got := field(info, "process_id"); got != strconv.Itoa(pid) {
		return fmt.Errorf("another server, process %q, answers at %s", got, s.Addr())
	}
	return nil
}
