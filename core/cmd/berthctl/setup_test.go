package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/berthgo/berth/core/internal/rig"
	"github.com/berthgo/berth/core/session"
)

func TestMain(m *testing.M) { rig.Main(m) }

// terminalOf is berthctl with an environment of its own.
type terminalOf struct {
	t     *testing.T
	env   map[string]string
	asks  bool
	typed string
}

// at is berthctl for the rig's application, at the rig's server.
func at(t *testing.T, r *rig.Rig) *terminalOf {
	u := url.URL{Scheme: "redis", Host: r.Reach.Addrs[0], User: url.UserPassword(r.Reach.Username, r.Reach.Password)}
	if r.Reach.Password == "" {
		u.User = nil
	}
	return &terminalOf{t: t, env: map[string]string{"REDIS_URL": u.String(), "SESSION_APP": r.App}}
}

// run runs a command, and returns what it printed.
func (c *terminalOf) run(code int, args ...string) (out, err string) {
	c.t.Helper()
	var stdout, stderr bytes.Buffer
	p := &program{
		in: strings.NewReader(c.typed), out: &stdout, err: &stderr, asks: c.asks,
		env: func(name string) (string, bool) { v, there := c.env[name]; return v, there },
	}
	if got := p.main(c.t.Context(), args); got != code {
		c.t.Fatalf("berthctl %.60q: exit code %d, want %d\n%s%s", args, got, code, &stdout, &stderr)
	}
	return stdout.String(), stderr.String()
}

// objects runs a command with --json, and returns its lines.
func (c *terminalOf) objects(args ...string) []map[string]any {
	c.t.Helper()
	out, _ := c.run(exitDone, append(args, "--json")...)
	var list []map[string]any
	for line := range strings.Lines(out) {
		var one map[string]any
		if err := json.Unmarshal([]byte(line), &one); err != nil {
			c.t.Fatalf("%q: %v in %q", args, err, line)
		}
		list = append(list, one)
	}
	return list
}

func want(t *testing.T, text string, parts ...string) {
	t.Helper()
	for _, part := range parts {
		if !strings.Contains(text, part) {
			t.Errorf("%q is not in\n%s", part, text)
		}
	}
}

func wantNot(t *testing.T, text string, parts ...string) {
	t.Helper()
	for _, part := range parts {
		if strings.Contains(text, part) {
			t.Errorf("%q is in\n%s", part, text)
		}
	}
}

func aside(o *session.Options) { o.EndAttempts, o.LockTTL = 1, 100*time.Millisecond }

// putAside has the end of a session fail until it is kept aside.
func putAside(t *testing.T, m *session.Manager, id string) {
	t.Helper()
	before := m.Stats().EndsAside
	stop := rig.HandleEnds(t, m, func(context.Context, session.Ended) error { return errors.New("no") })
	defer stop()
	if err := m.EndHandle(t.Context(), rig.HandleOf(id)); err != nil {
		t.Fatal(err)
	}
	rig.Until(t, "the end is kept aside", func() bool { return m.Stats().EndsAside > before })
}
