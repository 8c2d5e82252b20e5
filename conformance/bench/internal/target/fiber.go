package target

import (
	"github.com/gofiber/fiber/v2"
	"github.com/gofiber/fiber/v2/middleware/session"
	"github.com/gofiber/storage/redis/v3"
)

// startFiber is Fiber's own session middleware with gofiber/storage. A handler that has
// changed nothing does not call Save, which would write the session and set the cookie.
func startFiber(e env) (*application, error) {
	client := e.client()
	store := session.New(session.Config{Storage: redis.NewFromConnection(client)})
	app := newFiber()
	fiberHandlers{
		fill: func(c *fiber.Ctx, content content) error {
			s, err := store.Get(c)
			if err != nil {
				return err
			}
			s.Set(number, 0)
			content.each(func(key, value string) { s.Set(key, value) })
			if err := s.Save(); err != nil {
				return err
			}
			return replyFiber(c, 0, content.size)
		},
		read: func(c *fiber.Ctx) error {
			s, err := store.Get(c)
			if err != nil {
				return err
			}
			n, size, err := fiberRead(s)
			if err != nil {
				return err
			}
			return replyFiber(c, n, size)
		},
		change: func(c *fiber.Ctx) error {
			s, err := store.Get(c)
			if err != nil {
				return err
			}
			n, err := asInt(s.Get(number))
			if err != nil {
				return err
			}
			n++
			s.Set(number, n)
			if err := s.Save(); err != nil {
				return err
			}
			return replyFiber(c, n, 0)
		},
		rotate: func(c *fiber.Ctx, user string) error {
			s, err := store.Get(c)
			if err != nil {
				return err
			}
			n, size, err := fiberRead(s)
			if err != nil {
				return err
			}
			if err := s.Regenerate(); err != nil {
				return err
			}
			if user != "" {
				s.Set(owner, user)
			}
			if err := s.Save(); err != nil {
				return err
			}
			return replyFiber(c, n, size)
		},
	}.register(app)
	return &application{fiber: app, close: closing(client)}, nil
}

func fiberRead(s *session.Session) (n, size int, err error) {
	n, err = asInt(s.Get(number))
	if err != nil {
		return 0, 0, err
	}
	f, err := asString(s.Get(first))
	return n, len(f), err
}
