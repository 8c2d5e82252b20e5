package others

import (
	"github.com/gin-contrib/sessions"
	"github.com/gin-contrib/sessions/redis"
	"github.com/gin-gonic/gin"
)

// What an application does with gin-contrib/sessions that the table names.
const (
	bySetAndSave     = "by `Set` and `Save`"
	byTwoStoreSaves  = "by two `Save`s of the store's session"
	checksGetOfStore = "if you check the store's `Get`"
)

func startGinContrib(s *site) {
	store, err := redis.NewStore(10, "tcp", s.addr, "", "", signingKey)
	if err != nil {
		s.t.Fatal(err)
	}
	inner, err := redis.GetRedisStore(store)
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { _ = inner.Close() })
	engine := gin.New()
	engine.Use(sessions.Sessions(name, store))
	engine.NoRoute(func(c *gin.Context) {
		c.Status(200)
		x := ginContribExchange{response{c.Writer, c.Request}, sessions.Default(c), store, s.aid}
		if s.aid == checksGetOfStore {
			if _, err := store.Get(c.Request, name); err != nil {
				x.answer("", err)
				return
			}
		}
		x.answer(s.page(x, c.Request.URL.Path, c.Query))
	})
	s.serve(engine)
}

type ginContribExchange struct {
	response
	s     sessions.Session
	store redis.Store
	aid   string
}

func (x ginContribExchange) set(name, value string) { x.s.Set(name, value) }
func (x ginContribExchange) putCart(c *cart)        { x.s.Set("cart", c) }

func (x ginContribExchange) get(name string) string {
	v, _ := x.s.Get(name).(string)
	return v
}

func (x ginContribExchange) cart() *cart {
	c, _ := x.s.Get("cart").(*cart)
	return c
}

func (x ginContribExchange) save() error {
	if err := x.s.Save(); x.aid == checksSave {
		return err
	}
	return nil
}

func (x ginContribExchange) saveInPlace() error {
	x.s.Set("cart", x.cart()) // without it Save does nothing
	return x.s.Save()
}

func (x ginContribExchange) signIn(user string) error {
	x.s.Set("user", user)
	if x.aid != byTwoStoreSaves {
		return nil
	}
	held, err := x.store.Get(x.r, name) // the session that x.s has inside
	if err != nil {
		return err
	}
	return renew(x.r, x.ResponseWriter, held)
}

func (x ginContribExchange) signOut() error {
	x.s.Options(sessions.Options{Path: "/", MaxAge: -1})
	return x.s.Save()
}
