package rig

import (
	"context"
	"fmt"
	"net"
	"os"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/redis/go-redis/v9"

	"github.com/berthgo/berth/core/session"
)

// Step is what a test does to one call of a manager's client, in place of next. A pipeline
// is one call, and its first command stands for all.
type Step = func(ctx context.Context, cmd redis.Cmder, next redis.ProcessHook) error

// Pass is the [Step] that does nothing to a call.
func Pass(ctx context.Context, cmd redis.Cmder, next redis.ProcessHook) error { return next(ctx, cmd) }

// Refuse is the [Step] that fails a call before it reaches the server.
func Refuse(_ context.Context, cmd redis.Cmder, _ redis.ProcessHook) error {
	err := &net.OpError{Op: "dial", Net: "tcp", Err: syscall.ECONNREFUSED}
	cmd.SetErr(err)
	return err
}

// errNoReply is what the client says when no reply has come in time.
var errNoReply = &net.OpError{Op: "read", Net: "tcp", Err: os.ErrDeadlineExceeded}

// Lose is the [Step] that lets a call through and drops the reply.
func Lose(ctx context.Context, cmd redis.Cmder, next redis.ProcessHook) error {
	_ = next(ctx, cmd)
	cmd.SetErr(errNoReply)
	return errNoReply
}

// Before returns the [Step] that does something, and then lets the call through.
func Before(f func()) Step {
	return func(ctx context.Context, cmd redis.Cmder, next redis.ProcessHook) error {
		f()
		return next(ctx, cmd)
	}
}

// After returns the [Step] that lets a call through, and does something before the caller
// goes on.
func After(f func()) Step {
	return func(ctx context.Context, cmd redis.Cmder, next redis.ProcessHook) error {
		err := next(ctx, cmd)
		f()
		return err
	}
}

// Answers returns the [Step] that fails a call with what a server says.
func Answers(text string) Step {
	return func(_ context.Context, cmd redis.Cmder, _ redis.ProcessHook) error {
		cmd.SetErr(serverError(text))
		return serverError(text)
	}
}

type serverError string

func (e serverError) Error() string { return string(e) }
func (serverError) RedisError()     {}

var _ redis.Error = serverError("")

// Faults is a plan for the next calls of a client: a [Step] for the first of them, one for
// the second, and so on. It is a hook of the client. A nil Step lets a call through, and so
// does a plan that has come to its end.
type Faults struct {
	mu   sync.Mutex
	plan []Step
}

// Faulty returns a manager, and the plan of its calls.
func (r *Rig) Faulty(o session.Options) (*session.Manager, *Faults) {
	r.T.Helper()
	client, f := r.NewClient(), &Faults{}
	client.AddHook(f)
	return r.ManagerOn(client, o), f
}

// Then adds to the plan.
func (f *Faults) Then(steps ...Step) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.plan = append(f.plan, steps...)
}

// Used tells whether the plan has come to its end.
func (f *Faults) Used() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.plan) == 0
}

// Clear forgets what is left of the plan.
func (f *Faults) Clear() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.plan = nil
}

// next takes a step off the plan.
func (f *Faults) next() Step {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.plan) == 0 {
		return nil
	}
	step := f.plan[0]
	f.plan = f.plan[1:]
	return step
}

// DialHook does nothing.
func (f *Faults) DialHook(next redis.DialHook) redis.DialHook { return next }

// ProcessHook handles a command.
func (f *Faults) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		if step := f.next(); step != nil {
			return step(ctx, cmd, next)
		}
		return next(ctx, cmd)
	}
}

// ProcessPipelineHook handles a pipeline, as one.
func (f *Faults) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
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

// Matching is a [Step] for the next call that has an argument with some text in it, or for
// every such call. It is a hook of a client.
type Matching struct {
	mu    sync.Mutex
	text  string
	step  Step // nil if there is nothing to do, or it was done
	every bool
	came  bool
}

// Matching returns a manager, and what handles those of its calls that are not known by
// their number.
func (r *Rig) Matching(o session.Options) (*session.Manager, *Matching) {
	r.T.Helper()
	client, m := r.NewClient(), &Matching{}
	client.AddHook(m)
	return r.ManagerOn(client, o), m
}

// Arm does something to the next call that has the text in an argument.
func (m *Matching) Arm(text string, s Step) { m.set(text, s, false) }

// Each does the same to every such call, until the next Arm or Each.
func (m *Matching) Each(text string, s Step) { m.set(text, s, true) }

func (m *Matching) set(text string, s Step, every bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.text, m.step, m.every, m.came = text, s, every, false
}

// Done tells whether such a call has come.
func (m *Matching) Done() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.came
}

// take returns what is to be done to a call.
func (m *Matching) take(cmd redis.Cmder) Step {
	m.mu.Lock()
	defer m.mu.Unlock()
	s := m.step
	if s == nil || !slices.ContainsFunc(cmd.Args(), func(arg any) bool { return strings.Contains(fmt.Sprint(arg), m.text) }) {
		return nil
	}
	m.came = true
	if !m.every {
		m.step = nil
	}
	return s
}

// DialHook does nothing.
func (m *Matching) DialHook(next redis.DialHook) redis.DialHook { return next }

// ProcessHook handles a command.
func (m *Matching) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		if s := m.take(cmd); s != nil {
			return s(ctx, cmd, next)
		}
		return next(ctx, cmd)
	}
}

// ProcessPipelineHook handles a pipeline, as one.
func (m *Matching) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return asOne(m.ProcessHook, next)
}

// FailCommit has a commit fail at its first call.
func FailCommit(t *testing.T, s *session.Session, f *Faults, how Step) {
	t.Helper()
	f.Then(how)
	if s.Commit(context.Background()) == nil {
		t.Fatal("nothing has failed")
	}
}
