package wire_test

import (
	"io"
	"net"
	"strings"
	"testing"

	"github.com/berthgo/berth/conformance/bench/internal/wire"
)

func TestCounter(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	go func() {
		conn, err := l.Accept()
		if err != nil {
			return
		}
		defer conn.Close()
		_, _ = io.Copy(conn, conn)
	}()
	var counter wire.Counter
	conn, err := counter.Dial(t.Context(), "tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()

	// Each is one round trip: in one write, in three, and with a reply in two reads.
	for _, writes := range [][]string{{"ping"}, {"a", "long", "value"}, {"pong"}} {
		for _, w := range writes {
			if _, err := io.WriteString(conn, w); err != nil {
				t.Fatal(err)
			}
		}
		for range 2 {
			n := len(strings.Join(writes, "")) / 2
			if _, err := io.ReadFull(conn, make([]byte, n)); err != nil {
				t.Fatal(err)
			}
		}
	}
	if got := counter.Trips(); got != 3 {
		t.Errorf("%d round trips, want 3", got)
	}
	if got := counter.Sent(); got != 18 {
		t.Errorf("%d bytes, want 18", got)
	}
}
