package store

import (
	"context"
	"errors"
	"io"
	"net"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/berthgo/berth/core/internal/retry"

	"github.com/redis/go-redis/v9"

	"github.com/berthgo/berth/core/redistest"
)

func TestFewCallsAreSentAtOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := &wire{}
		client := w.client(t)
		ctx := context.WithValue(t.Context(), key{}, "mine")
		b := laden(0, 0)
		for range manyFlights {
			if own, _ := b.join(nil); own != nil {
				t.Fatal("one of a few has to wait")
			}
		}
		if own, first := b.join(nil); own == nil || !first {
			t.Error("one more does not")
		}
		if own, _ := laden(fewFlights, manyCalls).join(nil); own == nil {
			t.Error("one does not wait for few pipelines that carry many")
		}
		if own, _ := laden(fewFlights-1, manyCalls).join(nil); own != nil {
			t.Error("one waits for fewer pipelines than few")
		}
		b = NewBatches(time.Second)
		for _, cmds := range [][]redis.Cmder{{cmd("a")}, {cmd("b"), cmd("c")}} {
			b.do(ctx, client, cmds...)
		}
		if w.words() != "a bc" || w.ctx != ctx || b.underWay() != 0 {
			t.Errorf("sent %q, with %v; %d are under way", w.words(), w.ctx, b.underWay())
		}
	})
}

// Calls wait only in a process that makes many calls to a server that is near, however many are
// under way.
func TestCallsWaitOnlyAmongMany(t *testing.T) {
	t.Parallel()
	var (
		crowd = NewBatches(0).Crowd
		near  = func(w *wire) { w.answer = func(context.Context) { time.Sleep(batchWait) } }
		far   = func(w *wire) { w.answer = func(context.Context) { time.Sleep(batchWait + 1) } }
		down  = func(w *wire) { w.err = io.ErrUnexpectedEOF }
	)
	for name, c := range map[string]struct {
		server func(*wire)
		came   int
		pause  time.Duration
		waits  bool
	}{
		"many":                {near, crowd, crowdSpan, true},
		"few":                 {near, crowd - 1, crowdSpan, false},
		"many, at one time":   {near, crowd, crowdSpan - 1, false},
		"few, for longer":     {near, 2*crowd - 1, 2 * crowdSpan, false},
		"many, for longer":    {near, 2 * crowd, 2 * crowdSpan, true},
		"many, a long way":    {far, crowd, crowdSpan, false},
		"many, but no answer": {down, crowd, crowdSpan, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := &wire{}
				c.server(w)
				b := NewBatches(time.Second)
				b.do(t.Context(), w.client(t), cmd("a"))
				time.Sleep(2 * crowdSpan)
				for range c.came {
					if own, _ := b.join(nil); own != nil {
						t.Fatal("one waits before it is known how many come")
					}
				}
				time.Sleep(c.pause)
				own, _ := b.join(nil)
				if own != nil != c.waits {
					t.Errorf("the next waits: %v", own != nil)
				}
				if own == nil {
					return
				}
				b.await(own)
				time.Sleep(crowdSpan)
				if own, _ := b.join(nil); own != nil {
					t.Error("one waits when they are few again")
				}
			})
		})
	}
}

// Calls that wait leave together when an earlier one comes back.
func TestCallsThatWaitShareAPipeline(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := &wire{}
		b, client := busy(), w.client(t)
		calls := []called{inOwn(t.Context(), b, client, "a"), inOwn(t.Context(), b, client, "b"), inOwn(t.Context(), b, client, "c")}
		if w.words() != "" {
			t.Fatalf("%q did not wait", w.words())
		}
		began := time.Now()
		b.landed(1)
		for _, c := range calls {
			c.is(t, nil)
		}
		synctest.Wait()
		if time.Since(began) != 0 || w.words() != "abc" || b.underWay() != manyFlights-1 {
			t.Errorf("sent %q; %d are under way", w.words(), b.underWay())
		}
	})
}

// Calls join a batch that may leave until its first caller sends it. The batch takes one place.
func TestCallsJoinABatchThatIsLeaving(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := busy()
		own, _ := b.join([]redis.Cmder{cmd("a")})
		b.landed(1)
		b.landed(1)
		if also, first := b.join([]redis.Cmder{cmd("b")}); also != own || first {
			t.Fatal("the second call is not in the batch of the first")
		}
		b.await(own)
		if after, _ := b.join(nil); own.calls != 2 || len(own.cmds) != 2 || after != nil {
			t.Errorf("%d calls, %d commands; who comes after them has %v", own.calls, len(own.cmds), after)
		}
		if b.flying != manyFlights || b.calls != manyFlights+1 {
			t.Errorf("%d calls are under way in %d pipelines", b.calls, b.flying)
		}
	})
}

// If no call comes back, calls do not wait for long.
func TestCallsDoNotWaitForLong(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := &wire{}
		b, client := busy(), w.client(t)
		began := time.Now()
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		alone := inOwn(ctx, b, client, "a")
		alone.is(t, nil)
		if w.ctx != ctx {
			t.Errorf("one that is alone after all is sent with %v", w.ctx)
		}
		both := []called{inOwn(t.Context(), b, client, "b"), inOwn(t.Context(), b, client, "c")}
		for _, c := range both {
			c.is(t, nil)
		}
		synctest.Wait()
		if took := time.Since(began); took != 2*batchWait || w.words() != "a bc" || b.underWay() != manyFlights {
			t.Errorf("sent %q in %v; %d are under way", w.words(), took, b.underWay())
		}
		b.mu.Lock()
		b.flying, b.calls = manyFlights+1, manyFlights+1 // more than there should be: the next to land makes room for nobody
		b.mu.Unlock()
		c := inOwn(t.Context(), b, client, "d")
		b.landed(1)
		if synctest.Wait(); w.words() != "a bc" || b.underWay() != manyFlights {
			t.Errorf("sent %q; %d are under way", w.words(), b.underWay())
		}
		c.is(t, nil)
	})
}

func TestAFullBatchLeaves(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := &wire{}
		b, client := busy(), w.client(t)
		began := time.Now()
		var calls []called
		for range batchCalls + 1 {
			calls = append(calls, inOwn(t.Context(), b, client, "a"))
		}
		if w.words() != strings.Repeat("a", batchCalls) {
			t.Errorf("sent %q", w.words())
		}
		for _, c := range calls {
			c.is(t, nil)
		}
		synctest.Wait()
		if took := time.Since(began); took != batchWait || b.underWay() != manyFlights {
			t.Errorf("the one after it was sent after %v; %d are under way", took, b.underWay())
		}
	})
}

// A call that comes after a full batch goes into another one, even if the full one has not left yet.
func TestAFullBatchTakesNoMore(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) { // in which the crowd does not grow old
		b := busy()
		own, _ := b.join(nil)
		for range batchCalls - 1 {
			b.join(nil)
		}
		if other, first := b.join(nil); other == own || !first || own.calls != batchCalls {
			t.Errorf("a batch has %d calls", own.calls)
		}
	})
}

// A batch has the context of its first caller, but not the end of that context: the end must not
// end the calls of the others.
func TestNoCallerEndsABatch(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		w := &wire{answer: func(context.Context) { <-release }}
		b, client := busy(), w.client(t)
		ctx, cancel := context.WithCancel(context.WithValue(t.Context(), key{}, "kept"))
		far, stop := context.WithTimeout(ctx, b.Far)
		defer stop()
		calls := []called{inOwn(far, b, client, "a"), inOwn(ctx, b, client, "b"), inOwn(t.Context(), b, client, "c")}
		b.landed(1)
		synctest.Wait()
		cancel()
		if synctest.Wait(); w.words() != "abc" || w.ctx.Err() != nil || w.ctx.Value(key{}) != "kept" {
			t.Errorf("%q is sent with %v", w.words(), w.ctx)
		}
		if _, set := w.ctx.Deadline(); set {
			t.Error("it is sent with the first caller's deadline")
		}
		close(release)
		for _, c := range calls {
			c.is(t, nil)
		}
	})
}

// A call whose deadline comes before the client's time limits goes alone, with its own context.
func TestAHurriedCallGoesAlone(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ far, deadline time.Duration }{
		"sooner than the client's limit": {time.Second, time.Second - 1},
		"where the client has none":      {-1, time.Hour},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := &wire{}
				b := busy()
				b.Far = NewBatches(c.far).Far
				ctx, cancel := context.WithTimeout(t.Context(), c.deadline)
				defer cancel()
				began := time.Now()
				b.do(ctx, w.client(t), cmd("a"))
				if time.Since(began) != 0 || w.words() != "a" || w.ctx != ctx || b.underWay() != manyFlights {
					t.Errorf("sent %q with %v", w.words(), w.ctx)
				}
			})
		})
	}
}

func TestNothingIsSentForARequestThatIsOver(t *testing.T) {
	t.Parallel()
	w := &wire{}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	call := cmd("a")
	NewBatches(time.Second).do(ctx, w.client(t), call)
	if !errors.Is(call.Err(), context.Canceled) || w.words() != "" {
		t.Errorf("it has %v; sent %q", call.Err(), w.words())
	}
}

func TestALargeCallGoesAlone(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := &wire{}
		b, client := busy(), w.client(t)
		began := time.Now()
		large := redis.NewStatusCmd(t.Context(), "set", "k", []byte(strings.Repeat("x", batchBytes)))
		b.do(t.Context(), client, large)
		b.do(t.Context(), client, cmd("a"), large)
		if took := time.Since(began); took != 0 || w.words() != "set aset" || b.underWay() != manyFlights {
			t.Errorf("sent %q after %v; %d are under way", w.words(), took, b.underWay())
		}
	})
}

// A hook panics, or ends its goroutine as t.FailNow does. The other calls of the batch must not hang.
func TestABrokenBatchFreesItsCalls(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		broken func(context.Context)
		first  error // what the caller gets whose goroutine it is
	}{
		"by a panic": {func(context.Context) { panic("as planned") }, errBatch},
		"by Goexit":  {func(context.Context) { runtime.Goexit() }, errExited},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := &wire{answer: c.broken}
				b, client := busy(), w.client(t)
				calls := []called{inOwn(t.Context(), b, client, "a"), inOwn(t.Context(), b, client, "b")}
				b.landed(1)
				calls[0].is(t, c.first)
				calls[1].is(t, errBatch)
				if synctest.Wait(); b.underWay() != manyFlights-1 || !retry.Heals(errBatch) {
					t.Errorf("%d are under way", b.underWay())
				}
			})
		})
	}
}

// If a call that goes alone panics, its caller gets the panic, and other calls get its place.
func TestAPanicAloneIsTheCallers(t *testing.T) {
	t.Parallel()
	w := &wire{answer: func(context.Context) { panic("as planned") }}
	b := NewBatches(time.Second)
	func() {
		defer func() {
			if recover() == nil {
				t.Error("it was swallowed")
			}
		}()
		b.do(t.Context(), w.client(t), cmd("a"))
	}()
	if b.underWay() != 0 {
		t.Errorf("%d are under way", b.underWay())
	}
}

// One call of a batch fails. The calls that have succeeded must not be sent again.
func TestCallsOfABatchHaveTheirOwnReplies(t *testing.T) {
	t.Parallel()
	redistest.NeedServer(t)
	server, err := redistest.Start(t.Context(), redistest.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Stop() })
	client := redis.NewClient(&redis.Options{Addr: server.Addr(), MaxRetries: -1})
	t.Cleanup(func() { _ = client.Close() })
	unknown := redis.NewCmd(t.Context(), "evalsha", strings.Repeat("0", 40), 0)
	known := redis.NewIntCmd(t.Context(), "incr", "n")
	send(t.Context(), client, []redis.Cmder{unknown, known})
	if !missing(unknown.Err()) || known.Err() != nil || known.Val() != 1 {
		t.Errorf("they have %v, and %d and %v", unknown.Err(), known.Val(), known.Err())
	}
}

// Every call gets an error, both if nobody listens and if the server hangs up at once.
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
				Addr:       "127.0.0.1:1",
				Dialer:     func(context.Context, string, string) (net.Conn, error) { return dial() },
				MaxRetries: -1, DialerRetries: 1,
			})
			t.Cleanup(func() { _ = client.Close() })
			first, second := cmd("a"), cmd("b")
			send(t.Context(), client, []redis.Cmder{first, second})
			if first.Err() == nil || second.Err() == nil {
				t.Errorf("they have %v and %v", first.Err(), second.Err())
			}
		})
	}
}
