package stage

import (
	"time"

	"github.com/berthgo/berth/core/session"
	"github.com/berthgo/berth/examples/demo/shop"
)

// ended is a session that has ended, for the page.
type ended struct {
	Handle string    `json:"handle"`
	User   string    `json:"user"`
	Reason string    `json:"reason"`
	Items  []string  `json:"items"` // the last cart
	At     time.Time `json:"at"`
	LateMS int64     `json:"lateMs"` // from the end until it was handed out
}

func endOf(e session.Ended) ended {
	cart := shop.CartKey.GetOr(e.Session, shop.Cart{}) // empty where there is none
	return ended{e.Handle, e.Principal, string(e.Reason), cart.Items, e.EndedAt, time.Since(e.EndedAt).Milliseconds()}
}
