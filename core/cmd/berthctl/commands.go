package main

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/berthgo/berth/core/internal/credential"
	"github.com/berthgo/berth/core/session"
)

// sessionView is a session as JSON. Durations are in milliseconds.
type sessionView struct {
	Handle    string    `json:"handle"`
	Principal string    `json:"principal,omitempty"`
	Created   time.Time `json:"created,omitzero"`
	SignedIn  time.Time `json:"signedIn,omitzero"`
	Idle      int64     `json:"idleMs"`
	Left      int64     `json:"leftMs"`
	Timeout   int64     `json:"timeoutMs,omitempty"`
	Size      int       `json:"bytes"`
	HeldFor   int64     `json:"heldForMs,omitempty"`
	HeldBy    string    `json:"heldBy,omitempty"`
	Names     []string  `json:"names,omitempty"`
	Error     string    `json:"error,omitempty"`
}

func view(i session.Info) sessionView {
	return sessionView{
		Handle: i.Handle, Principal: credential.Redact(i.Principal), Created: i.CreatedAt, SignedIn: i.AuthenticatedAt,
		Idle: i.Idle.Milliseconds(), Left: i.Left.Milliseconds(), Size: i.Size, HeldFor: i.HeldFor.Milliseconds(),
	}
}

func unreadable(handle string, err error) sessionView {
	return sessionView{Handle: handle, Error: err.Error()}
}

const row = "%-26s  %-20s  %10s  %10s  %9s  %8s  %s\n"

func (p *program) head() {
	if !p.json {
		fmt.Fprintf(p.out, row, "HANDLE", "CREATED", "IDLE", "LEFT", "BYTES", "HELD", "USER")
	}
}

func (p *program) print(i session.Info, err error) error {
	switch {
	case err != nil:
		return p.say(unreadable(i.Handle, err), "%-26s  %s", i.Handle, err)
	case p.json:
		return p.say(view(i), "")
	}
	held := "-"
	if i.HeldFor > 0 {
		held = round(i.HeldFor)
	}
	_, err = fmt.Fprintf(p.out, row, i.Handle, stamp(i.CreatedAt), round(i.Idle), round(i.Left), strconv.Itoa(i.Size), held, plain(i.Principal))
	return err
}

func (p *program) list(ctx context.Context, m *session.Manager, _ string) error {
	p.head()
	for i, err := range m.Sessions(ctx) {
		if err != nil && i.Handle == "" {
			return err
		}
		if err := p.print(i, err); err != nil {
			return err
		}
	}
	return nil
}

func (p *program) of(ctx context.Context, m *session.Manager, principal string) error {
	infos, err := m.SessionsOf(ctx, principal)
	if err != nil {
		return err
	}
	p.head()
	for _, i := range infos {
		if err := p.print(i, nil); err != nil {
			return err
		}
	}
	return nil
}

func (p *program) show(ctx context.Context, m *session.Manager, handle string) error {
	i, err := m.Inspect(ctx, handle)
	if err != nil {
		return err
	}
	v := view(i.Info)
	v.Timeout, v.HeldBy = i.Timeout.Milliseconds(), i.HeldBy
	for _, name := range i.Names {
		v.Names = append(v.Names, credential.Redact(name))
	}
	if p.json {
		return p.say(v, "")
	}
	line := func(name, value string) { fmt.Fprintf(p.out, "%-10s %s\n", name, value) }
	line("handle", i.Handle)
	if i.Principal != "" {
		line("user", plain(i.Principal))
		line("signed in", stamp(i.AuthenticatedAt))
	}
	line("created", stamp(i.CreatedAt))
	line("idle", round(i.Idle)+" of "+round(i.Timeout))
	line("left", round(i.Left))
	line("bytes", strconv.Itoa(i.Size))
	held := "by no request"
	if i.HeldFor > 0 {
		held = "for " + round(i.HeldFor) + ", by process " + i.HeldBy
	}
	line("held", held)
	names := make([]string, len(i.Names))
	for n, name := range i.Names {
		names[n] = plain(name)
	}
	line("values", strings.Join(names, " "))
	return nil
}

// done is what a command did, as JSON.
type done struct {
	Done  string `json:"done"`
	Count int    `json:"count"`
}

func (p *program) end(ctx context.Context, m *session.Manager, handle string) error {
	if err := p.confirm(ctx, "End this session? Whoever has it is signed out."); err != nil {
		return err
	}
	if err := m.EndHandle(ctx, handle); err != nil {
		return err
	}
	return p.say(done{"ended", 1}, "ended")
}

func (p *program) endAll(ctx context.Context, m *session.Manager, principal string) error {
	if !p.yes {
		infos, err := m.SessionsOf(ctx, principal)
		if err != nil {
			return err
		}
		if err := p.confirm(ctx, fmt.Sprintf("End all sessions of %s, now %d?", plain(principal), len(infos))); err != nil {
			return err
		}
	}
	count, err := m.EndAll(ctx, principal)
	return errors.Join(p.say(done{"ended", count}, "ended %d", count), err)
}

// endView is an end that is kept aside, as JSON.
type endView struct {
	Handle    string    `json:"handle"`
	Principal string    `json:"principal,omitempty"`
	Reason    string    `json:"reason,omitempty"`
	Ended     time.Time `json:"ended,omitzero"`
	Attempts  int       `json:"attempts"`
	NoData    bool      `json:"noData"`
	Error     string    `json:"error,omitempty"`
}

func (p *program) aside(ctx context.Context, m *session.Manager, _ string) error {
	const row = "%-26s  %-20s  %-9s  %8s  %s\n"
	if !p.json {
		fmt.Fprintf(p.out, row, "HANDLE", "ENDED", "REASON", "ATTEMPTS", "USER")
	}
	for e, err := range m.EndsAside(ctx) {
		v := endView{e.Handle, credential.Redact(e.Principal), string(e.Reason), e.EndedAt, e.Attempt, e.NoData, ""}
		switch {
		case err != nil && e.Handle == "":
			return err
		case err != nil:
			v = endView{Handle: e.Handle, Error: err.Error()}
			err = p.say(v, "%-26s  %s", e.Handle, err)
		case p.json:
			err = p.say(v, "")
		default:
			_, err = fmt.Fprintf(p.out, row, e.Handle, stamp(e.EndedAt), e.Reason, strconv.Itoa(e.Attempt), plain(e.Principal))
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (p *program) replay(ctx context.Context, m *session.Manager, handle string) error {
	e, err := m.EndAside(ctx, handle)
	if err != nil {
		return notAside(err)
	}
	if err := m.ReplayEnd(ctx, e); err != nil {
		return notAside(err)
	}
	return p.say(done{"replayed", 1}, "replayed")
}

func (p *program) drop(ctx context.Context, m *session.Manager, handle string) error {
	e, err := m.EndAside(ctx, handle)
	if err != nil && e.Handle == "" { // one that cannot be read can be dropped
		return notAside(err)
	}
	if err := p.confirm(ctx, "Drop this end? No handler gets it, and the data of its session are deleted."); err != nil {
		return err
	}
	if err := m.DropEnd(ctx, e); err != nil {
		return notAside(err)
	}
	return p.say(done{"dropped", 1}, "dropped")
}

// notAside says what is unknown.
func notAside(err error) error {
	if errors.Is(err, session.ErrUnknown) {
		return fmt.Errorf("no end with that handle is kept aside: %w", err)
	}
	return err
}
