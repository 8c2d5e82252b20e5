package store

import (
	"context"
	"errors"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
)

// wire stands in for a server: it keeps what was sent, in which form, and answers OK.
type wire struct {
	mu       sync.Mutex
	single   []string
	together [][]string
	ctx      context.Context
	broken   func() // instead of an answer
}

func (w *wire) DialHook(next redis.DialHook) redis.DialHook { return next }

func (w *wire) ProcessHook(redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.single, w.ctx = append(w.single, cmd.Name()), ctx
		cmd.(*redis.StatusCmd).SetVal("OK")
		return nil
	}
}

func (w *wire) ProcessPipelineHook(redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error {
		w.mu.Lock()
		defer w.mu.Unlock()
		if w.broken != nil {
			w.broken()
		}
		w.ctx = ctx
		var names []string
		for _, cmd := range cmds {
			names = append(names, cmd.Name())
			cmd.(*redis.StatusCmd).SetVal("OK")
		}
		w.together = append(w.together, names)
		return nil
	}
}

func setupWire(t *testing.T) (*wire, *redis.Client) {
	t.Helper()
	client := redis.NewClient(&redis.Options{Dialer: func(context.Context, string, string) (net.Conn, error) {
		return nil, errors.New("there is no server")
	}, DialerRetries: 1, MaxRetries: -1})
	t.Cleanup(func() { _ = client.Close() })
	w := &wire{}
	client.AddHook(w)
	return w, client
}

func cmd(name string) *redis.StatusCmd { return redis.NewStatusCmd(context.Background(), name) }

type named string

func TestCallsOfAMomentGoTogether(t *testing.T) {
	t.Parallel()
	w, client := setupWire(t)
	ctx := context.WithValue(t.Context(), named("of"), "the first")
	var b batches
	first, second, third := cmd("a"), cmd("b"), cmd("c")
	own, sends := b.join(ctx, []redis.Cmder{first})
	if !sends {
		t.Fatal("nobody sends the first call")
	}
	if joined, sends := b.join(t.Context(), []redis.Cmder{second, third}); sends || joined != own {
		t.Fatal("the second call was not taken along")
	}
	b.close(own)
	if late, sends := b.join(t.Context(), []redis.Cmder{cmd("d")}); !sends || late == own {
		t.Fatal("a call joined a batch that is being sent")
	}
	own.send(ctx, client)
	<-own.sent
	if len(w.together) != 1 || strings.Join(w.together[0], "") != "abc" || len(w.single) != 0 {
		t.Errorf("sent %v, and alone %v", w.together, w.single)
	}
	for _, c := range []*redis.StatusCmd{first, second, third} {
		if c.Val() != "OK" || c.Err() != nil {
			t.Errorf("%s has the reply %q, %v", c.Name(), c.Val(), c.Err())
		}
	}
	if got := w.ctx.Value(named("of")); got != "the first" {
		t.Errorf("hooks see %v", got)
	}
}

func TestACallAloneIsSentAsItIs(t *testing.T) {
	t.Parallel()
	w, client := setupWire(t)
	ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
	defer cancel()
	var b batches
	b.do(ctx, client, cmd("a"))
	b.do(ctx, client, cmd("b"), cmd("c"))
	if len(w.single) != 1 || len(w.together) != 1 || len(w.together[0]) != 2 {
		t.Errorf("sent alone %v, together %v", w.single, w.together)
	}
	if w.ctx != ctx {
		t.Error("it has another context than the caller's")
	}
	if b.open != nil {
		t.Error("the batch is still open")
	}
}

// What others put into a batch must not wait for the deadline of one, nor end with it.
func TestABatchLastsAsLongAsItsCalls(t *testing.T) {
	t.Parallel()
	soon, late := time.Now().Add(time.Hour), time.Now().Add(2*time.Hour)
	for name, test := range map[string]struct{ first, second, want time.Time }{
		"the latest":           {soon, late, late},
		"in any order":         {late, soon, late},
		"the first has none":   {time.Time{}, soon, time.Time{}},
		"the second has none":  {soon, time.Time{}, time.Time{}},
		"neither of them does": {},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w, client := setupWire(t)
			until := func(at time.Time) context.Context {
				ctx, cancel := context.WithCancel(t.Context())
				if !at.IsZero() {
					ctx, cancel = context.WithDeadline(t.Context(), at)
				}
				t.Cleanup(cancel)
				return ctx
			}
			first, cancel := context.WithCancel(until(test.first))
			var b batches
			own, _ := b.join(first, []redis.Cmder{cmd("a")})
			b.join(until(test.second), []redis.Cmder{cmd("b")})
			cancel() // after it was taken along: the other call goes on
			own.send(first, client)
			if got, _ := w.ctx.Deadline(); !got.Equal(test.want) {
				t.Errorf("the deadline is %v, want %v", got, test.want)
			}
			if len(w.together) != 1 {
				t.Error("nothing was sent")
			}
		})
	}
}

func TestABatchIsNotEndless(t *testing.T) {
	t.Parallel()
	var b batches
	own, _ := b.join(t.Context(), []redis.Cmder{cmd("a")})
	for range batchCalls - 1 {
		if _, sends := b.join(t.Context(), []redis.Cmder{cmd("b")}); sends {
			t.Fatal("a new batch, though there was room")
		}
	}
	next, sends := b.join(t.Context(), []redis.Cmder{cmd("c")})
	if !sends || next == own {
		t.Error("a call joined a full batch")
	}
	b.close(own)
	if joined, _ := b.join(t.Context(), []redis.Cmder{cmd("d")}); joined != next {
		t.Error("to close one batch has closed the next")
	}
}

func TestALargeCallGoesAlone(t *testing.T) {
	t.Parallel()
	w, client := setupWire(t)
	var b batches
	own, _ := b.join(t.Context(), []redis.Cmder{cmd("a")})
	large := redis.NewStatusCmd(t.Context(), "set", "k", []byte(strings.Repeat("x", batchBytes)))
	b.do(t.Context(), client, large)
	if len(w.single) != 1 || own.calls != 1 {
		t.Errorf("sent alone %v, and %d calls wait", w.single, own.calls)
	}
}

// A hook that panics, or that ends its goroutine as t.FailNow does, must not leave the
// others waiting.
func TestABrokenBatchFreesItsCalls(t *testing.T) {
	t.Parallel()
	w, client := setupWire(t)
	w.broken = func() { panic("as planned") }
	var b batches
	own, _ := b.join(t.Context(), []redis.Cmder{cmd("a")})
	other := cmd("b")
	b.join(t.Context(), []redis.Cmder{other})
	func() {
		defer func() {
			if recover() == nil {
				t.Error("the panic was swallowed")
			}
		}()
		own.send(t.Context(), client)
	}()
	<-own.sent
	if !errors.Is(other.Err(), errBatch) {
		t.Errorf("the other call has %v", other.Err())
	}
}

// Whether nobody listens or the server hangs up at once.
func TestEveryCallLearnsThatThereIsNoServer(t *testing.T) {
	t.Parallel()
	for name, dial := range map[string]func() (net.Conn, error){
		"nobody listens": func() (net.Conn, error) { return nil, io.ErrUnexpectedEOF },
		"it hangs up": func() (net.Conn, error) {
			conn, server := net.Pipe()
			return conn, server.Close()
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			client := redis.NewClient(&redis.Options{
				Dialer:     func(context.Context, string, string) (net.Conn, error) { return dial() },
				MaxRetries: -1, DialerRetries: 1,
			})
			t.Cleanup(func() { _ = client.Close() })
			var b batches
			first, second := cmd("a"), cmd("b")
			own, _ := b.join(t.Context(), []redis.Cmder{first})
			b.join(t.Context(), []redis.Cmder{second})
			own.send(t.Context(), client)
			if first.Err() == nil || second.Err() == nil {
				t.Errorf("they have %v and %v", first.Err(), second.Err())
			}
		})
	}
}

func TestNothingIsSentForARequestThatIsOver(t *testing.T) {
	t.Parallel()
	w, client := setupWire(t)
	over, cancel := context.WithCancel(t.Context())
	cancel()
	var b batches
	never := cmd("a")
	b.do(over, client, never)
	if !errors.Is(never.Err(), context.Canceled) || len(w.single) != 0 {
		t.Errorf("it has %v, and %v was sent", never.Err(), w.single)
	}
}
