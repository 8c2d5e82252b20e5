package store

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/redis/go-redis/v9"
)

// wire takes the place of a server: it notes what was sent, and in which form, and answers.
type wire struct {
	mu     sync.Mutex
	sent   []string // names of commands, those of a pipeline as one word
	ctx    context.Context
	answer func(ctx context.Context) // before it answers, if it is not nil
	err    error                     // instead, to calls that are alone
}

func (w *wire) DialHook(next redis.DialHook) redis.DialHook { return next }

func (w *wire) ProcessHook(redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		w.take(ctx, cmd)
		return w.err
	}
}

func (w *wire) ProcessPipelineHook(redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error {
		w.take(ctx, cmds...)
		return nil
	}
}

func (w *wire) take(ctx context.Context, cmds ...redis.Cmder) {
	word := ""
	for _, cmd := range cmds {
		word += cmd.Name()
	}
	w.mu.Lock()
	w.sent, w.ctx = append(w.sent, word), ctx
	answer := w.answer
	w.mu.Unlock()
	if answer != nil {
		answer(ctx)
	}
	for _, cmd := range cmds {
		cmd.(*redis.StatusCmd).SetVal("OK")
	}
}

func (w *wire) words() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return strings.Join(w.sent, " ")
}

func (w *wire) client(t *testing.T) *redis.Client {
	t.Helper()
	client := redis.NewClient(&redis.Options{Addr: "127.0.0.1:1", Dialer: func(context.Context, string, string) (net.Conn, error) {
		return nil, errors.New("there is no server")
	}, DialerRetries: 1, MaxRetries: -1})
	t.Cleanup(func() { _ = client.Close() })
	client.AddHook(w)
	return client
}

func cmd(name string) *redis.StatusCmd { return redis.NewStatusCmd(context.Background(), name) }

// busy returns batches of which so many are under way that further calls wait.
func busy() *Batches { return laden(manyFlights, manyFlights) }

func laden(flying, calls int) *Batches {
	b := NewBatches(time.Second)
	b.flying, b.calls, b.busy, b.since = flying, calls, true, time.Now()
	b.near.Store(true)
	return b
}

// underWay returns how many calls are under way. It panics if that number does not fit the number of
// pipelines.
func (b *Batches) underWay() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.calls < b.flying || b.flying == 0 && b.calls != 0 {
		panic(fmt.Sprintf("%d calls in %d pipelines", b.calls, b.flying))
	}
	return b.calls
}

type key struct{}

// called is a call in a goroutine of its own.
type called struct {
	cmd *redis.StatusCmd
	err chan error
}

// errExited says that a goroutine ended before its call returned.
var errExited = errors.New("the goroutine was ended")

func inOwn(ctx context.Context, b *Batches, client *redis.Client, name string) called {
	c := called{cmd(name), make(chan error, 1)}
	go func() {
		err := errExited
		defer func() { c.err <- err }()
		b.do(ctx, client, c.cmd)
		err = nil
	}()
	synctest.Wait()
	return c
}

func (c called) is(t *testing.T, want error) {
	t.Helper()
	err := <-c.err
	if err == nil {
		err = c.cmd.Err()
	}
	if !errors.Is(err, want) || want == nil && c.cmd.Val() != "OK" {
		t.Errorf("%s has %v, want %v", c.cmd.Name(), err, want)
	}
}
