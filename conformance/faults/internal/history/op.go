// Package history keeps what clients asked for and what came of it, and checks it: against a model of one
// session with porcupine, and by invariants. It knows no process and no connection.
package history

import (
	"cmp"
	"slices"
	"strings"

	"github.com/berthgo/berth/conformance/faults/internal/wire"
)

// Op is one request of a client.
type Op struct {
	N       int    // its number; also the value that it appends
	Browser int    // the cookie jar
	Tab     int    // of the browser
	Server  string // to whom it went
	Path    string
	User    string // who signs in, or whose sessions end
	Cookie  string // what it sent, "" if nothing

	Call, Return int64  // wire.Now
	Outcome      string // wire.Done, Not or Unknown
	Reason       string // what the server said of a failure
	Reply        wire.Reply
	SetCookie    string // the new cookie, "" if none came
	Deleted      bool   // the client was told to delete its cookie
}

// handleOf is the handle in a cookie.
func handleOf(cookie string) string {
	handle, _, _ := strings.Cut(cookie, ".")
	return handle
}

// Record is all that one run leaves behind.
type Record struct {
	Ops     []Op
	Journal []wire.Entry

	// What the run was like.
	Timeout         int64 // idle timeout, ns
	LockTTL         int64 // ns
	MaxPerPrincipal int
	TrackEnd        bool
	Calm            bool     // there were no faults
	Forced          int64    // from when on the driver had sessions expire
	Finished        int64    // when it stopped to wait for ends
	Troubles        []Window // of faults that allow an end to be handled twice
}

// Window is a time in which something was wrong with a server, or with all of them if Server is "".
type Window struct {
	Server   string
	At, Till int64
}

// Violation is a promise that was not kept.
type Violation struct {
	Check   string // which check found it
	Session string // the handle of the session that it is about, "" if it is about none or many
	Text    string
}

// seen returns all operations of which somebody has seen that they happened: their values are in a session, or
// were at its end, or their client got a new cookie, which comes after the commit.
func (r *Record) seen() map[int]bool {
	seen := map[int]bool{}
	add := func(lists ...[]int) {
		for _, l := range lists {
			for _, n := range l {
				seen[n] = true
			}
		}
	}
	for _, op := range r.Ops {
		if op.Outcome == wire.Done {
			add(op.Reply.List, op.Reply.Own)
		}
		if op.SetCookie != "" {
			add([]int{op.N})
		}
	}
	for _, e := range r.Journal {
		add(e.List, e.Own)
	}
	return seen
}

// ends returns the lines of the journal about ends, by handle. The one comes first that was handed out first.
func (r *Record) ends() map[string][]wire.Entry {
	ends := map[string][]wire.Entry{}
	for _, e := range r.Journal {
		if e.Kind == "end" {
			ends[e.Handle] = append(ends[e.Handle], e)
		}
	}
	for _, list := range ends {
		slices.SortStableFunc(list, func(a, b wire.Entry) int { return cmp.Compare(a.Begun, b.Begun) })
	}
	return ends
}
