package main

import (
	"context"
	"fmt"
	"time"

	"github.com/berthgo/berth/core/session"
)

// counts are what can be known of an application from Redis. Durations are in milliseconds.
type counts struct {
	Sessions   int   `json:"sessions"`
	SignedIn   int   `json:"signedIn"`
	Users      int   `json:"users"`
	Held       int   `json:"held"`
	Unreadable int   `json:"unreadable"`
	Bytes      int   `json:"bytes"`
	Tracked    int   `json:"endsTracked"`
	Aside      int   `json:"endsAside"`
	Late       int64 `json:"oldestEndWaitsMs"`

	Largest     string `json:"largest,omitempty"`
	LargestSize int    `json:"largestBytes"`
	LongestHeld string `json:"longestHeld,omitempty"`
	HeldFor     int64  `json:"longestHeldMs"`
}

func (p *program) stats(ctx context.Context, m *session.Manager, _ string) error {
	var c counts
	users := map[string]struct{}{}
	progress := p.progress("sessions")
	for i, err := range m.Sessions(ctx) {
		if err != nil && i.Handle == "" {
			return err
		}
		c.Sessions++
		progress(c.Sessions)
		if err != nil {
			c.Unreadable++
			continue
		}
		c.Bytes += i.Size
		if i.Principal != "" {
			c.SignedIn++
			users[i.Principal] = struct{}{}
		}
		if i.Size >= c.LargestSize {
			c.Largest, c.LargestSize = i.Handle, i.Size
		}
		if i.HeldFor > 0 {
			c.Held++
			if ms := i.HeldFor.Milliseconds(); ms >= c.HeldFor {
				c.LongestHeld, c.HeldFor = i.Handle, ms
			}
		}
	}
	progress(-1)
	c.Users = len(users)
	ends, err := m.CountEnds(ctx)
	if err != nil {
		return err
	}
	c.Tracked, c.Aside = ends.Tracked, ends.Aside
	if late := time.Since(ends.Next); !ends.Next.IsZero() && late > time.Second {
		c.Late = late.Milliseconds()
	}
	if p.json {
		return p.say(c, "")
	}
	line := func(name string, format string, args ...any) {
		fmt.Fprintf(p.out, "%-20s %s\n", name, fmt.Sprintf(format, args...))
	}
	line("sessions", "%d", c.Sessions)
	line("signed in", "%d, of %d users", c.SignedIn, c.Users)
	line("held by a request", "%d", c.Held)
	if c.LongestHeld != "" {
		line("  the longest", "%s, for %s", c.LongestHeld, round(time.Duration(c.HeldFor)*time.Millisecond))
	}
	line("unreadable", "%d", c.Unreadable)
	line("bytes", "%d in names and values", c.Bytes)
	if c.Largest != "" {
		line("  the largest", "%s, %d bytes", c.Largest, c.LargestSize)
	}
	line("ends tracked", "%d", c.Tracked)
	line("ends kept aside", "%d", c.Aside)
	waits := "-"
	if c.Late > 0 {
		waits = round(time.Duration(c.Late) * time.Millisecond)
	}
	line("oldest end waits", "%s", waits)
	return nil
}

// progress returns what shows how far something is, once a second at most, and with -1 wipes it away.
func (p *program) progress(what string) func(n int) {
	last, shown := time.Now(), false
	return func(n int) {
		switch {
		case !p.shows:
		case n < 0 && shown:
			fmt.Fprint(p.err, "\r\x1b[K")
		case n >= 0 && time.Since(last) >= time.Second:
			fmt.Fprintf(p.err, "\r%d %s …", n, what)
			last, shown = time.Now(), true
		}
	}
}
