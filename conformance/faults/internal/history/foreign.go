package history

import (
	"fmt"

	"github.com/berthgo/berth/conformance/faults/internal/wire"
)

// foreign finds answers from another session than that of the cookie. A request without a cookie, and one
// whose session is gone, gets a new session, which has nothing in it.
func (r *Record) foreign() (found []Violation) {
	for _, op := range r.Ops {
		if op.Outcome != wire.Done || op.Reply.Outage || op.Reply.Detached || op.Reply.Handle == "" {
			continue
		}
		own, got := handleOf(op.Cookie), op.Reply.Handle
		full := len(op.Reply.List) > 0 || len(op.Reply.Own) > 0 || op.Reply.Last != 0 || op.Reply.Principal != ""
		switch {
		case op.Reply.New && full:
			found = append(found, Violation{"model", got, fmt.Sprintf("#%d %s has made session %s, and found in it %v, %v, user %q", op.N, op.Path, got, op.Reply.List, op.Reply.Own, op.Reply.Principal)})
		case !op.Reply.New && own == "":
			found = append(found, Violation{"model", got, fmt.Sprintf("#%d %s sent no cookie, and got session %s", op.N, op.Path, got)})
		case !op.Reply.New && own != got:
			found = append(found, Violation{"model", got, fmt.Sprintf("#%d %s sent the cookie of session %s, and got session %s", op.N, op.Path, own, got)})
		}
	}
	return found
}
