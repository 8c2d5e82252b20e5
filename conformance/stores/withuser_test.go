package stores_test

import (
	"net/http"

	"github.com/berthgo/berth/core/moving"
	"github.com/berthgo/berth/core/session"
)

// withUser also says who the user is.
type withUser struct{ moving.Old }

func (o withUser) Load(r *http.Request, into *session.Session) (found bool, err error) {
	found, err = o.Old.Load(r, into)
	if user := session.GetOr(into, "user", ""); found && user != "" {
		into.SetPrincipal(user)
	}
	return found, err
}
