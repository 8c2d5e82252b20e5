package proxy

import (
	"bufio"
	"fmt"
	"net"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// upper answers each line, and tells what it has got.
func upper(t *testing.T) (addr string, got <-chan string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	lines := make(chan string, 10)
	go func() { // ends with the listener
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() { // ends with the connection, which the proxy closes
				defer c.Close()
				for r := bufio.NewScanner(c); r.Scan(); {
					lines <- r.Text()
					fmt.Fprintf(c, "answer to %s\n", r.Text())
				}
			}()
		}
	}()
	return l.Addr().String(), lines
}

// Each kind of fault does what it says to the request and to its reply.
func TestFaults(t *testing.T) {
	t.Parallel()
	for kind, want := range map[Kind]struct{ executed, answered bool }{
		None: {true, true}, Cut: {false, false}, LoseReply: {true, false}, Half: {true, false},
		Delay: {true, true}, Late: {true, false}, BlackHole: {true, false},
	} {
		t.Run(kind.String(), func(t *testing.T) {
			t.Parallel()
			addr, got := upper(t)
			programme := Programme{Rate: 1, Patience: 20 * time.Millisecond}
			programme.Weights[kind] = 1
			p, err := Start(func() string { return addr }, programme, 1)
			if err != nil {
				t.Fatal(err)
			}
			defer p.Close()
			p.Make(kind != None)
			c, err := net.Dial("tcp", p.Addr())
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			_ = c.SetDeadline(time.Now().Add(10 * time.Second))
			if _, err := fmt.Fprintln(c, "hello"); err != nil {
				t.Fatal(err)
			}
			answer, err := bufio.NewReader(c).ReadString('\n')
			if answered := err == nil; answered != want.answered || answered && answer != "answer to hello\n" {
				t.Errorf("got the answer %q (%v), want one: %t", answer, err, want.answered)
			}
			if want.executed {
				if line := <-got; line != "hello" {
					t.Errorf("the server got %q", line)
				}
			}
			if err := p.Close(); err != nil {
				t.Error(err)
			}
			faults, exchanges := p.Faults()
			if kind != None && (len(faults) != 1 || faults[0].Kind != kind) || exchanges != 1 || !want.executed && len(got) > 0 {
				t.Errorf("faults %v in %d exchanges, and the server got %d more lines", faults, exchanges, len(got))
			}
		})
	}
}

// Whoever waits for the late requests finds that the server has got them.
func TestAwaitLate(t *testing.T) {
	t.Parallel()
	addr, got := upper(t)
	programme := Programme{Rate: 1, Patience: 20 * time.Millisecond}
	programme.Weights[Late] = 1
	p, err := Start(func() string { return addr }, programme, 1)
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	p.Make(true)
	const requests = 5
	for i := range requests {
		c, err := net.Dial("tcp", p.Addr())
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		if _, err := fmt.Fprintln(c, "hello"); err != nil {
			t.Fatal(err)
		}
		for n := 0; n <= i; _, n = p.Faults() {
			time.Sleep(time.Millisecond)
		}
	}
	p.Make(false)
	p.AwaitLate()
	if faults, _ := p.Faults(); len(faults) != requests {
		t.Errorf("%d of %d are over", len(faults), requests)
	}
	for range requests {
		<-got
	}
}
