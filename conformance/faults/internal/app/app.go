// Package app is a server process: a small web application under one of three frameworks.
package app

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"log/slog"
	"net"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/berthgo/berth/conformance/faults/internal/wire"
	"github.com/berthgo/berth/core/session"
)

// Main serves until standard input ends. It prints the address at which it listens.
func Main(text string) error {
	var settings wire.Settings
	if err := json.Unmarshal([]byte(text), &settings); err != nil {
		return err
	}
	journal, err := os.OpenFile(settings.Journal, os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	a := &application{settings: settings, journal: journal}
	if a.manager, err = session.Open(a.config(), a.options()); err != nil {
		return err
	}
	serve, ok := map[string]func(net.Listener) error{"http": a.serveHTTP, "gin": a.serveGin, "fiber": a.serveFiber}[settings.Framework]
	if !ok {
		return fmt.Errorf("no framework %q", settings.Framework)
	}
	if settings.TrackEnd {
		go func() { // the end of the process ends it
			if err := a.manager.HandleEnd(context.Background(), a.ended); err != nil {
				a.note(wire.Entry{Kind: "failure", Text: err.Error()})
			}
		}()
	}
	if _, err := fmt.Println(listener.Addr()); err != nil {
		return err
	}
	go a.watchClock() // the end of the process ends it
	go func() {       // so that no server outlives its driver
		_, _ = io.Copy(io.Discard, os.Stdin)
		os.Exit(0)
	}()
	return serve(listener)
}

type application struct {
	settings wire.Settings
	manager  *session.Manager

	mu      sync.Mutex
	journal *os.File
}

func (a *application) config() session.Config {
	s := a.settings
	return session.Config{
		Addrs: s.Addrs, Cluster: s.Cluster, MasterName: s.Master,
		ConnectionTimeout: s.OperationTimeout, OperationTimeout: s.OperationTimeout,
	}
}

func (a *application) options() session.Options {
	s := a.settings
	return session.Options{
		App: s.App, Timeout: s.Timeout, LockTTL: s.LockTTL, LockWait: s.LockWait, RetryTimeout: s.RetryTimeout,
		FailSilently: s.FailSilently, TrackEnd: s.TrackEnd, EndSweep: s.EndSweep, EndNotifications: s.TrackEnd && s.Notifications,
		EndAttempts: 1000, MaxPerPrincipal: s.MaxPerPrincipal,
		Logger: slog.New(slog.DiscardHandler),
		Hooks: session.Hooks{OnError: func(_ context.Context, err error) {
			if _, kind := session.Classify(err); kind == "timeout" || kind == "connection" {
				a.note(wire.Entry{Kind: "failure", Text: kind})
			}
		}},
	}
}

// note appends one line to the journal. One write is one line, also when the process is killed.
func (a *application) note(e wire.Entry) {
	e.Server = a.settings.Name
	if e.At == 0 {
		e.At = wire.Now()
	}
	line, err := json.Marshal(e)
	if err != nil {
		panic(err)
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if _, err := a.journal.Write(append(line, '\n')); err != nil {
		panic(err)
	}
}

// watchClock notes when the machine was so busy that this process stood still.
func (a *application) watchClock() {
	const pause = 20 * time.Millisecond
	for before := wire.Now(); ; {
		time.Sleep(pause)
		now := wire.Now()
		if now-before > (pause + wire.Stall).Nanoseconds() {
			a.note(wire.Entry{Kind: "stall", Begun: before, At: now})
		}
		before = now
	}
}

// query is what a request asks for.
type query struct {
	path  string
	begun int64
	op    int
	user  string
	pause time.Duration
	own   bool // the handler commits by itself
	again bool // and once more if that fails
}

// access is how the request of a path holds its session.
func access(path string) session.Access {
	switch path {
	case "/read":
		return session.ReadOnly
	case "/peek":
		return session.Peek
	case "/shared", "/signout":
		return session.Shared
	case "/endall":
		return session.None
	}
	return session.Exclusive
}

// answer is what a handler has to say. If outcome is empty, the commit has the last word.
type answer struct {
	reply   wire.Reply
	outcome string
	reason  string
}

// handle serves one request, under any framework.
func (a *application) handle(ctx context.Context, s *session.Session, q query) answer {
	r := wire.Reply{
		New: s.IsNew(), Outage: s.Detached() && s.Err() != nil,
		Principal: s.Principal(),
	}
	r.Detached = s.Detached() && !r.Outage && q.path != "/endall"
	locked := s.Lost() != nil
	if !r.Detached && !r.Outage && q.path != "/endall" {
		r.Handle = s.Handle()
	}
	r.Enter = wire.Now()
	a.note(wire.Entry{Kind: "enter", At: r.Enter, Op: q.op, Begun: q.begun, Handle: r.Handle, Locked: locked})
	err := a.act(ctx, s, q, &r)
	if q.pause > 0 {
		time.Sleep(q.pause) // the work of the handler
	}
	if r.Detached && !s.Detached() {
		r.Handle = s.Handle() // a sign-in has made it a new session
	}
	r.Leave = wire.Now()
	a.note(wire.Entry{Kind: "leave", At: r.Leave, Op: q.op, Handle: r.Handle, Locked: locked})
	out := answer{reply: r}
	if err == nil && q.own {
		err = s.Commit(ctx)
		if unknown := (*session.OpError)(nil); q.again && errors.As(err, &unknown) {
			err = s.Commit(ctx)
		}
		if err == nil && a.settings.FailSilently {
			err = s.Err()
		}
		if err == nil {
			out.outcome = wire.Done
		}
	}
	if err != nil {
		out.outcome, out.reason = classify(err)
	}
	return out
}

// act does what the path says. The number of the operation shows in the session that it was done.
func (a *application) act(ctx context.Context, s *session.Session, q query, r *wire.Reply) (err error) {
	switch q.path {
	case "/read", "/peek":
		r.List, r.Own, r.Last = contents(s)
		return nil
	case "/shared":
		s.Set(wire.Own+strconv.Itoa(q.op), q.op)
		s.Set(wire.Last, q.op)
		return nil
	case "/signout":
		s.Abandon()
		return nil
	case "/endall":
		if _, err := a.manager.EndAll(ctx, q.user); err != nil {
			return err
		}
		r.EndsDone = true
		return nil
	case "/rotate":
		s.Rotate()
	case "/signin":
		s.SetPrincipal(q.user)
		if a.settings.Companions {
			s.SetCompanion("user " + q.user)
		}
	case "/endothers":
		if s.Principal() != "" {
			_, err := s.EndOthers(ctx)
			r.EndsDone = err == nil
		}
	}
	r.List, err = session.Get[[]int](s, wire.List)
	if err != nil && !errors.Is(err, session.ErrNoValue) {
		return err
	}
	s.Set(wire.List, append(slices.Clone(r.List), q.op))
	return nil
}

func contents(s *session.Session) (list, own []int, last int) {
	list = session.GetOr[[]int](s, wire.List, nil)
	for _, key := range s.Keys() {
		if n, ok := strings.CutPrefix(key, wire.Own); ok {
			i, _ := strconv.Atoi(n)
			own = append(own, i)
		}
	}
	slices.Sort(own)
	return list, own, session.GetOr(s, wire.Last, 0)
}

// ended is the handler of ends. By a hash of their handles, it refuses some, and takes longer for some than a
// claim lasts if nobody renews it.
func (a *application) ended(_ context.Context, e session.Ended) error {
	entry := wire.Entry{Kind: "end", Begun: wire.Now(), Handle: e.Handle, Reason: string(e.Reason), NoData: e.NoData, Attempt: e.Attempt, Principal: e.Principal}
	if !e.NoData {
		entry.List, entry.Own, entry.Last = contents(e.Session)
	}
	hash := fnv.New32a()
	_, _ = fmt.Fprint(hash, e.Handle, e.Attempt)
	if ttl := a.settings.LockTTL; hash.Sum32()/100%8 == 0 && ttl < time.Second {
		time.Sleep(ttl * 3 / 2) // the work of the handler
	}
	entry.OK = int(hash.Sum32()%100) >= a.settings.EndsThatFail || e.Attempt > 3
	a.note(entry)
	if !entry.OK {
		return errors.New("refused")
	}
	return nil
}

// classify says whether err leaves it open that something was written, and gives err a short name.
func classify(err error) (outcome, reason string) {
	op, kind := session.Classify(err)
	reason = op + " " + kind
	var failed *session.OpError
	switch {
	case errors.As(err, &failed) && failed.Op == "begin":
		return wire.Not, reason
	case errors.As(err, &failed):
		return wire.Unknown, reason
	case errors.Is(err, session.ErrLockLost), errors.Is(err, session.ErrEnded), errors.Is(err, session.ErrLockTimeout), errors.Is(err, session.ErrTooManySessions):
		return wire.Not, reason
	}
	return wire.Unknown, reason
}
