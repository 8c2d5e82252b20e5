package others

import (
	"net/http"

	"github.com/boj/redistore"
	"github.com/gorilla/sessions"
)

// What an application does with gorilla/sessions that the table names.
const (
	bySave     = "by `Save`"
	byTwoSaves = "by two `Save`s"
	checksSave = "if you check `Save`"
	checksGet  = "if you check `Get`"
)

const name = "session"

var signingKey = []byte("a key of thirty-two random bytes")

func startGorilla(s *site) {
	store, err := redistore.NewRediStore(10, "tcp", s.addr, "", "", signingKey)
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { _ = store.Close() })
	s.serve(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		held, err := store.Get(r, name)
		x := gorillaExchange{response{w, r}, held, s.aid}
		if err != nil && s.aid == checksGet {
			x.answer("", err)
			return
		}
		x.answer(s.page(x, r.URL.Path, r.FormValue))
	}))
}

type gorillaExchange struct {
	response
	s   *sessions.Session
	aid string
}

func (x gorillaExchange) set(name, value string) { x.s.Values[name] = value }
func (x gorillaExchange) putCart(c *cart)        { x.s.Values["cart"] = c }

func (x gorillaExchange) get(name string) string {
	v, _ := x.s.Values[name].(string)
	return v
}

func (x gorillaExchange) cart() *cart {
	c, _ := x.s.Values["cart"].(*cart)
	return c
}

func (x gorillaExchange) save() error {
	if err := x.s.Save(x.r, x.ResponseWriter); x.aid == checksSave {
		return err
	}
	return nil
}

func (x gorillaExchange) saveInPlace() error { return x.s.Save(x.r, x.ResponseWriter) }

func (x gorillaExchange) signIn(user string) error {
	x.s.Values["user"] = user
	if x.aid != byTwoSaves {
		return nil
	}
	return renew(x.r, x.ResponseWriter, x.s)
}

// renew has the next Save give the session another ID.
func renew(r *http.Request, w http.ResponseWriter, s *sessions.Session) error {
	age := s.Options.MaxAge
	s.Options.MaxAge = -1 // Save deletes the session
	if err := s.Save(r, w); err != nil {
		return err
	}
	s.Options.MaxAge, s.ID = age, ""
	return nil
}

func (x gorillaExchange) signOut() error {
	x.s.Options.MaxAge = -1
	return x.s.Save(x.r, x.ResponseWriter)
}
