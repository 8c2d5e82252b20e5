package inspect

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"

	"github.com/berthgo/berth/core/session"
)

func (q *request) endSession() {
	err := q.m.EndHandle(q.r.Context(), q.args.Get("handle"))
	q.acted(err, "session-ended", 1, errHandle)
}

func (q *request) endAll() {
	principal := q.args.Get("principal")
	if principal == "" {
		q.fail(http.StatusBadRequest, "Name a user.")
		return
	}
	count, err := q.m.EndAll(q.r.Context(), principal)
	q.acted(err, "sessions-ended", count, "")
}

func (q *request) replay() {
	err := q.m.ReplayEnd(q.r.Context(), session.Ended{Handle: q.args.Get("handle")})
	q.acted(err, "end-replayed", 1, "No such end is kept aside. It may have been replayed or dropped already.")
}

func (q *request) drop() {
	err := q.m.DropEnd(q.r.Context(), session.Ended{Handle: q.args.Get("handle")})
	q.acted(err, "end-dropped", 1, "No such end is kept aside. It may have been replayed or dropped already.")
}

// acted answers a POST. A browser goes on to a page that it can load again without doing the same twice.
func (q *request) acted(err error, what string, count int, unknown string) {
	switch {
	case errors.Is(err, session.ErrUnknown) && unknown != "":
		q.fail(http.StatusNotFound, unknown)
	case err != nil:
		q.failed(err)
	case q.json:
		q.send(http.StatusOK, doneView{what, count})
	default:
		q.w.Header().Set("Location", "done?"+url.Values{"what": {what}, "count": {strconv.Itoa(count)}}.Encode())
		q.w.WriteHeader(http.StatusSeeOther)
	}
}

type doneView struct {
	Done  string `json:"done"`
	Count int    `json:"count"`
}

// done says what a POST did. What it says comes from a link, and is one of a few sentences.
func (q *request) done() {
	count, _ := strconv.Atoi(q.args.Get("count"))
	said, known := map[string]string{
		"session-ended":  "The session has ended. A request that still has it cannot save its changes.",
		"sessions-ended": sentence(count),
		"end-replayed":   "The end is handed out again within LockTTL, from its first attempt on.",
		"end-dropped":    "The end was dropped. No handler gets it, and the data of the session are deleted.",
	}[q.args.Get("what")]
	if !known {
		q.fail(http.StatusNotFound, "There is no such page.")
		return
	}
	q.answer(http.StatusOK, "done", "Done", said)
}

func sentence(count int) string {
	switch {
	case count <= 0:
		return "The user had no sessions any more."
	case count == 1:
		return "One session has ended."
	}
	return fmt.Sprintf("%d sessions have ended.", count)
}
