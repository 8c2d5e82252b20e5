package target

import (
	"errors"

	"github.com/gin-contrib/sessions"
	"github.com/gin-contrib/sessions/redis"
	"github.com/gin-gonic/gin"
)

const ginContribName = "session"

// startGinContrib is gin-contrib/sessions with its Redis store.
func startGinContrib(e env) (*application, error) {
	store, err := redis.NewStoreWithPool(redigoPool(e), signingKey)
	if err != nil {
		return nil, err
	}
	inner, err := redis.GetRedisStore(store)
	if err != nil {
		return nil, err
	}
	inner.SetMaxLength(0) // by default no session may exceed 4096 bytes
	if err := redis.SetKeyPrefix(store, "gincontrib_"); err != nil {
		return nil, errors.Join(err, inner.Close())
	}
	engine := newGin()
	engine.Use(sessions.Sessions(ginContribName, store))
	ginHandlers{
		fill: func(c *gin.Context, content content) error {
			s := sessions.Default(c)
			s.Set(number, 0)
			content.each(func(key, value string) { s.Set(key, value) })
			if err := s.Save(); err != nil {
				return err
			}
			replyGin(c, 0, content.size)
			return nil
		},
		read: func(c *gin.Context) error {
			s := sessions.Default(c)
			n, err := asInt(s.Get(number))
			if err != nil {
				return err
			}
			f, err := asString(s.Get(first))
			if err != nil {
				return err
			}
			replyGin(c, n, len(f))
			return nil
		},
		change: func(c *gin.Context) error {
			s := sessions.Default(c)
			n, err := asInt(s.Get(number))
			if err != nil {
				return err
			}
			n++
			s.Set(number, n)
			if err := s.Save(); err != nil {
				return err
			}
			replyGin(c, n, 0)
			return nil
		},
		// What gin-contrib hands out has no way to change the ID. The session inside is
		// gorilla's, which its store hands out.
		rotate: func(c *gin.Context, user string) error {
			s, err := store.Get(c.Request, ginContribName)
			if err != nil {
				return err
			}
			n, size, err := gorillaRotate(c.Writer, c.Request, s, user)
			if err != nil {
				return err
			}
			replyGin(c, n, size)
			return nil
		},
	}.register(engine)
	return &application{handler: engine, close: func() { _ = inner.Close() }}, nil
}
