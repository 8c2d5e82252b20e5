package others

import (
	"context"
	"net/http"
	"time"

	"github.com/berthgo/berth/core/httpsession"
	"github.com/berthgo/berth/core/session"
)

// The calls of berth that the table names.
const (
	byEndAll    = "by `EndAll`"
	byHandleEnd = "by `HandleEnd`"
)

func startBerth(s *site) {
	o := session.Options{App: "others", Logger: silent}
	if s.aid == byHandleEnd {
		o.TrackEnd, o.EndNotifications, o.Timeout = true, true, time.Second
	}
	m, err := session.New(s.client(), o)
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { _ = m.Close() }) // which ends HandleEnd
	s.waiting = func() bool { return m.Stats().Waiting > 0 }
	switch s.aid {
	case byEndAll:
		s.endAll = func(user string) error {
			_, err := m.EndAll(s.ctx, user)
			return err
		}
	case byHandleEnd:
		s.ended = make(chan string, 1)
		go func() {
			_ = m.HandleEnd(s.ctx, func(_ context.Context, e session.Ended) error {
				s.ended <- session.GetOr(e.Session, "note", "")
				return nil
			})
		}()
	}
	s.serve(httpsession.Middleware(m)(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		x := berthExchange{response{w, r}, httpsession.From(r)}
		x.answer(s.page(x, r.URL.Path, r.FormValue))
	})))
}

type berthExchange struct {
	response
	s *session.Session
}

const berthCart session.Key[*cart] = "cart"

func (x berthExchange) get(name string) string { return session.GetOr(x.s, name, "") }
func (x berthExchange) set(name, value string) { x.s.Set(name, value) }
func (x berthExchange) cart() *cart            { return berthCart.GetOr(x.s, nil) }
func (x berthExchange) putCart(c *cart)        { berthCart.Set(x.s, c) }

func (x berthExchange) save() error        { return nil }
func (x berthExchange) saveInPlace() error { return nil }

func (x berthExchange) signIn(user string) error {
	x.s.SetPrincipal(user)
	x.s.Set("user", user)
	return nil
}

func (x berthExchange) signOut() error {
	x.s.Abandon()
	return nil
}
