package session_test

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/redis/go-redis/v9"

	"github.com/berthgo/berth/core/session"
)

// step is one of a [faults] plan, or what [onCmd] does.
type step = func(ctx context.Context, cmd redis.Cmder, next redis.ProcessHook) error

// refuse fails a call before it reaches the server.
func refuse(_ context.Context, cmd redis.Cmder, _ redis.ProcessHook) error {
	err := &net.OpError{Op: "dial", Net: "tcp", Err: syscall.ECONNREFUSED}
	cmd.SetErr(err)
	return err
}

// errNoReply is what the client says when no reply has come in time.
var errNoReply = &net.OpError{Op: "read", Net: "tcp", Err: os.ErrDeadlineExceeded}

// lose lets a call through and drops the reply.
func lose(ctx context.Context, cmd redis.Cmder, next redis.ProcessHook) error {
	_ = next(ctx, cmd)
	cmd.SetErr(errNoReply)
	return errNoReply
}

// before does something, and then lets the call through.
func before(f func()) step {
	return func(ctx context.Context, cmd redis.Cmder, next redis.ProcessHook) error {
		f()
		return next(ctx, cmd)
	}
}

// after lets a call through, and does something before the caller goes on.
func after(f func()) step {
	return func(ctx context.Context, cmd redis.Cmder, next redis.ProcessHook) error {
		err := next(ctx, cmd)
		f()
		return err
	}
}

// answers fails a call with what a server says.
func answers(text string) step {
	return func(_ context.Context, cmd redis.Cmder, _ redis.ProcessHook) error {
		cmd.SetErr(serverError(text))
		return serverError(text)
	}
}

type serverError string

func (e serverError) Error() string { return string(e) }
func (serverError) RedisError()     {}

var _ redis.Error = serverError("")

// faulty returns a manager, and the plan of its calls.
func faulty(r *rig, o session.Options) (*session.Manager, *faults) {
	client, f := r.newClient(), &faults{}
	client.AddHook(f)
	return r.managerOn(client, o), f
}

// used tells whether the plan has come to its end.
func (f *faults) used() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.plan) == 0
}

// matching returns a manager, and what handles those of its calls that are not known by
// their number.
func matching(r *rig, o session.Options) (*session.Manager, *onCmd) {
	client, f := r.newClient(), &onCmd{}
	client.AddHook(f)
	return r.managerOn(client, o), f
}

// onCmd handles the next call with an argument that contains a text, or every one.
type onCmd struct {
	mu    sync.Mutex
	text  string
	step  step // nil if there is nothing to do, or it was done
	every bool
	came  bool
}

func (o *onCmd) arm(text string, s step) { o.set(text, s, false) }

// each does the same with every such call, until the next arm or each.
func (o *onCmd) each(text string, s step) { o.set(text, s, true) }

func (o *onCmd) set(text string, s step, every bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.text, o.step, o.every, o.came = text, s, every, false
}

// done tells whether such a call has come.
func (o *onCmd) done() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.came
}

// take returns what is to be done to a call.
func (o *onCmd) take(cmd redis.Cmder) step {
	o.mu.Lock()
	defer o.mu.Unlock()
	s := o.step
	if s == nil || !slices.ContainsFunc(cmd.Args(), func(arg any) bool { return strings.Contains(fmt.Sprint(arg), o.text) }) {
		return nil
	}
	o.came = true
	if !o.every {
		o.step = nil
	}
	return s
}

func (o *onCmd) DialHook(next redis.DialHook) redis.DialHook { return next }

func (o *onCmd) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		if s := o.take(cmd); s != nil {
			return s(ctx, cmd, next)
		}
		return next(ctx, cmd)
	}
}

func (o *onCmd) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return asOne(o.ProcessHook, next)
}

// dropper makes connections that lose replies: the server has executed the call,
// the client sees the connection end.
type dropper struct {
	dial func(ctx context.Context, network, addr string) (net.Conn, error)
	tls  *tls.Config // nil for plain connections
	// armed is the number of replies to drop.
	armed atomic.Int64
	// dropped counts them.
	dropped atomic.Int64
}

var errDropped = errors.New("connection reset, as planned")

func (d *dropper) Dial(ctx context.Context, network, addr string) (net.Conn, error) {
	dial := d.dial
	if dial == nil {
		dial = (&net.Dialer{}).DialContext
	}
	conn, err := dial(ctx, network, addr)
	if err != nil {
		return nil, err
	}
	if d.tls != nil {
		config := d.tls.Clone()
		config.ServerName, _, _ = net.SplitHostPort(addr)
		conn = tls.Client(conn, config)
	}
	return &dropConn{Conn: conn, d: d}, nil
}

type dropConn struct {
	net.Conn
	d *dropper
}

func (c *dropConn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	if n > 0 && c.d.armed.Load() > 0 && c.d.armed.Add(-1) >= 0 {
		c.d.dropped.Add(1)
		_ = c.Close()
		return 0, &net.OpError{Op: "read", Net: "tcp", Err: errDropped}
	}
	return n, err
}

// faults makes calls of a client fail as the test says.
type faults struct {
	mu sync.Mutex
	// Each function handles one call and goes; nil lets the call through.
	plan []func(ctx context.Context, cmd redis.Cmder, next redis.ProcessHook) error
}

func (f *faults) then(steps ...func(ctx context.Context, cmd redis.Cmder, next redis.ProcessHook) error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.plan = append(f.plan, steps...)
}

// clear forgets what is left of the plan.
func (f *faults) clear() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.plan = nil
}

func (f *faults) DialHook(next redis.DialHook) redis.DialHook { return next }

func (f *faults) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		f.mu.Lock()
		var step func(context.Context, redis.Cmder, redis.ProcessHook) error
		if len(f.plan) > 0 {
			step, f.plan = f.plan[0], f.plan[1:]
		}
		f.mu.Unlock()
		if step == nil {
			return next(ctx, cmd)
		}
		return step(ctx, cmd, next)
	}
}

func (f *faults) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return asOne(f.ProcessHook, next)
}

// asOne treats a pipeline as one call, whose first command stands for all.
func asOne(hook func(redis.ProcessHook) redis.ProcessHook, next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error {
		err := hook(func(ctx context.Context, _ redis.Cmder) error { return next(ctx, cmds) })(ctx, cmds[0])
		if err != nil {
			for _, cmd := range cmds {
				if cmd.Err() == nil {
					cmd.SetErr(err)
				}
			}
		}
		return err
	}
}

// failCommit has a commit fail at its first call.
func failCommit(t *testing.T, s *session.Session, f *faults, how step) {
	t.Helper()
	f.then(how)
	if s.Commit(context.Background()) == nil {
		t.Fatal("nothing has failed")
	}
}
