package inspect

import (
	"errors"
	"net/http"
	"strconv"
	"time"

	"github.com/berthgo/berth/core/session"
)

func (q *request) home() {
	stats := q.m.Stats()
	q.answer(http.StatusOK, "home", "Find sessions", struct {
		Held    int64    `json:"held"`
		Waiting int64    `json:"waiting"`
		Pages   []string `json:"pages"`
	}{stats.Held, stats.Waiting, []string{"of?principal=", "all", "session?handle=", "aside", "end?handle=", "stats"}})
}

// listView is a list of sessions.
type listView struct {
	Principal string        `json:"principal,omitempty"`
	Sessions  []sessionView `json:"sessions"`
	Next      string        `json:"next,omitempty"`   // the cursor of the next page
	Cursor    string        `json:"cursor,omitempty"` // the cursor of this page
}

func (q *request) of() {
	principal := q.args.Get("principal")
	switch {
	case principal == "":
		q.fail(http.StatusBadRequest, "Name a user. Sessions without one are among all sessions.")
		return
	case holdsID(principal):
		q.fail(http.StatusBadRequest, "That is a session ID, and not a user. Do not put it into an address. To find its session, take the 26 characters before the dot: the handle.")
		return
	}
	infos, err := q.m.SessionsOf(q.r.Context(), principal)
	if err != nil {
		q.failed(err)
		return
	}
	list := listView{Principal: principal, Sessions: []sessionView{}}
	for _, info := range infos {
		list.Sessions = append(list.Sessions, viewInfo(info))
	}
	q.answer(http.StatusOK, "of", "Sessions of a user", list)
}

func (q *request) all() {
	cursor := q.args.Get("cursor")
	page, err := q.m.SessionPage(q.r.Context(), cursor)
	if errors.Is(err, session.ErrCursor) {
		q.fail(http.StatusNotFound, "There is no such page of sessions, or not any more. Begin at the first page.")
		return
	}
	if err != nil {
		q.failed(err)
		return
	}
	list := listView{Sessions: []sessionView{}, Next: page.Next, Cursor: cursor}
	for _, info := range page.Sessions {
		list.Sessions = append(list.Sessions, viewInfo(info))
	}
	for _, one := range page.Unreadable {
		list.Sessions = append(list.Sessions, viewUnreadable(one.Handle, one.Err))
	}
	q.answer(http.StatusOK, "all", "All sessions", list)
}

// errHandle answers who has asked for what is not a handle. It repeats nothing: it may be an ID.
const errHandle = "There is no such session. A handle has 26 characters. Of a session ID, it is what stands before the dot."

func (q *request) session() {
	handle := q.args.Get("handle")
	i, err := q.m.Inspect(q.r.Context(), handle)
	if err == nil && q.options.Show != nil {
		names := i.Names
		i, err = q.m.Inspect(q.r.Context(), handle, loadable(names)...)
	}
	switch {
	case errors.Is(err, session.ErrUnknown):
		q.fail(http.StatusNotFound, errHandle)
		return
	case err != nil && i.Handle == "":
		q.failed(err)
		return
	case err != nil:
		q.answer(http.StatusOK, "session", "A session", viewUnreadable(i.Handle, err))
		return
	}
	view := viewInfo(i.Info)
	view.Timeout, view.HeldBy, view.HeldHere = span(i.Timeout), i.HeldBy, i.HeldHere
	view.Values = q.values(i.Session, i.Names)
	q.answer(http.StatusOK, "session", "A session", view)
}

// loadable are the names whose values can be asked for.
func loadable(names []string) []string {
	const most = 1000
	if len(names) > 0 && names[0] == "" {
		names = names[1:] // berth writes no such name
	}
	return names[:min(len(names), most)]
}

// endsView is a list of ends that are kept aside.
type endsView struct {
	Ends []endView `json:"ends"`
	From int       `json:"from"`
	Next int       `json:"next,omitempty"` // where the next page begins
}

func (q *request) aside() {
	const page = 50
	from, _ := strconv.Atoi(q.args.Get("from"))
	list := endsView{Ends: []endView{}, From: max(0, from)}
	at := 0
	for e, err := range q.m.EndsAside(q.r.Context()) {
		if err != nil && e.Handle == "" {
			q.failed(err)
			return
		}
		if at++; at <= list.From {
			continue
		}
		if len(list.Ends) == page {
			list.Next = list.From + page
			break
		}
		list.Ends = append(list.Ends, viewEnd(e, err))
	}
	q.answer(http.StatusOK, "aside", "Ends kept aside", list)
}

func (q *request) end() {
	e, err := q.m.EndAside(q.r.Context(), q.args.Get("handle"))
	switch {
	case errors.Is(err, session.ErrUnknown):
		q.fail(http.StatusNotFound, "No such end is kept aside.")
		return
	case err != nil && e.Handle == "":
		q.failed(err)
		return
	}
	view := viewEnd(e, err)
	if err == nil {
		view.Values = q.values(e.Session, e.Session.Keys())
	}
	q.answer(http.StatusOK, "end", "An end kept aside", view)
}

// statsView is what the Manager counts, and what Redis has of ends.
type statsView struct {
	At        time.Time      `json:"at"`
	Figures   []figure       `json:"-"`
	Stats     map[string]any `json:"stats"`
	Tracked   int            `json:"endsTracked"`
	Aside     int            `json:"endsAsideNow"`
	Late      span           `json:"endsLateMs,omitzero"`
	LastError string         `json:"lastError,omitempty"`
	LastAt    time.Time      `json:"lastErrorAt,omitzero"`
	Error     string         `json:"error,omitempty"`
	Still     bool           `json:"-"`
}

func (q *request) stats() {
	view := statsView{At: time.Now(), Figures: figures(q.m.Stats()), Stats: map[string]any{}, Still: q.args.Get("still") != ""}
	for _, f := range view.Figures {
		view.Stats[f.key()] = f.json
	}
	at, last := q.m.LastError()
	if last != nil {
		view.LastAt, view.LastError = at, redact(last.Error())
	}
	counts, err := q.m.CountEnds(q.r.Context())
	if err != nil {
		view.Error = redact(err.Error())
	}
	view.Tracked, view.Aside = counts.Tracked, counts.Aside
	if late := view.At.Sub(counts.Next); !counts.Next.IsZero() && late > time.Second {
		view.Late = span(late)
	}
	q.answer(http.StatusOK, "stats", "Statistics", view)
}
