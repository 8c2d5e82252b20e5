package target

import (
	"errors"
	"net/http"

	"github.com/gin-gonic/gin"
	"github.com/gofiber/fiber/v2"

	"github.com/berthgo/berth/adapters/fibersession"
	"github.com/berthgo/berth/adapters/ginsession"
	"github.com/berthgo/berth/core/httpsession"
	"github.com/berthgo/berth/core/session"
)

// The values of a session, under any framework.
const (
	berthNumber session.Key[int]    = number
	berthFirst  session.Key[string] = first
)

// newBerth has all defaults but the largest size of a session.
func newBerth(e env) (m *session.Manager, closer func(), err error) {
	client := e.client()
	m, err = session.New(client, session.Options{App: "bench", MaxBytes: 2 << 20})
	if err != nil {
		return nil, nil, errors.Join(err, client.Close())
	}
	return m, func() {
		_ = m.Close()
		_ = client.Close()
	}, nil
}

// berthAccess is ReadOnly for what does not write, as the README shows.
func berthAccess(method string) session.Access {
	if method == http.MethodGet {
		return session.ReadOnly
	}
	return session.Exclusive
}

func startBerth(e env) (*application, error) {
	m, closer, err := newBerth(e)
	if err != nil {
		return nil, err
	}
	read := func(w http.ResponseWriter, r *http.Request) error {
		n, size, err := berthRead(httpsession.From(r))
		if err != nil {
			return err
		}
		reply(w, n, size)
		return nil
	}
	h := handlers{
		fill: func(w http.ResponseWriter, r *http.Request, c content) error {
			berthFill(httpsession.From(r), c)
			reply(w, 0, c.size)
			return nil
		},
		read: read,
		change: func(w http.ResponseWriter, r *http.Request) error {
			n, err := berthChange(httpsession.From(r))
			if err != nil {
				return err
			}
			reply(w, n, 0)
			return nil
		},
		rotate: func(w http.ResponseWriter, r *http.Request, user string) error {
			berthRotate(httpsession.From(r), user)
			return read(w, r)
		},
	}
	access := httpsession.WithAccessFunc(func(r *http.Request) session.Access { return berthAccess(r.Method) })
	return &application{handler: httpsession.Middleware(m, access)(h.mux()), close: closer}, nil
}

func startBerthGin(e env) (*application, error) {
	m, closer, err := newBerth(e)
	if err != nil {
		return nil, err
	}
	engine := newGin()
	engine.Use(ginsession.Middleware(m, ginsession.WithAccessFunc(func(c *gin.Context) session.Access {
		return berthAccess(c.Request.Method)
	})))
	read := func(c *gin.Context) error {
		n, size, err := berthRead(ginsession.From(c))
		if err != nil {
			return err
		}
		replyGin(c, n, size)
		return nil
	}
	ginHandlers{
		fill: func(c *gin.Context, content content) error {
			berthFill(ginsession.From(c), content)
			replyGin(c, 0, content.size)
			return nil
		},
		read: read,
		change: func(c *gin.Context) error {
			n, err := berthChange(ginsession.From(c))
			if err != nil {
				return err
			}
			replyGin(c, n, 0)
			return nil
		},
		rotate: func(c *gin.Context, user string) error {
			berthRotate(ginsession.From(c), user)
			return read(c)
		},
	}.register(engine)
	return &application{handler: engine, close: closer}, nil
}

func startBerthFiber(e env) (*application, error) {
	m, closer, err := newBerth(e)
	if err != nil {
		return nil, err
	}
	app := newFiber()
	app.Use(fibersession.Middleware(m, fibersession.WithAccessFunc(func(c *fiber.Ctx) session.Access {
		return berthAccess(c.Method())
	})))
	read := func(c *fiber.Ctx) error {
		n, size, err := berthRead(fibersession.From(c))
		if err != nil {
			return err
		}
		return replyFiber(c, n, size)
	}
	fiberHandlers{
		fill: func(c *fiber.Ctx, content content) error {
			berthFill(fibersession.From(c), content)
			return replyFiber(c, 0, content.size)
		},
		read: read,
		change: func(c *fiber.Ctx) error {
			n, err := berthChange(fibersession.From(c))
			if err != nil {
				return err
			}
			return replyFiber(c, n, 0)
		},
		rotate: func(c *fiber.Ctx, user string) error {
			berthRotate(fibersession.From(c), user)
			return read(c)
		},
	}.register(app)
	return &application{fiber: app, close: closer}, nil
}

func berthFill(s *session.Session, c content) {
	berthNumber.Set(s, 0)
	c.each(func(key, value string) { s.Set(key, value) })
}

func berthRead(s *session.Session) (n, size int, err error) {
	n, err = berthNumber.Get(s)
	if errors.Is(err, session.ErrNoValue) {
		return 0, 0, nil
	}
	if err != nil {
		return 0, 0, err
	}
	f, err := berthFirst.Get(s)
	return n, len(f), err
}

func berthChange(s *session.Session) (n int, err error) {
	n, err = berthNumber.Get(s)
	if err != nil {
		return 0, err
	}
	n++
	berthNumber.Set(s, n)
	return n, nil
}

// berthRotate needs no Rotate for a sign-in, which rotates by itself.
func berthRotate(s *session.Session, user string) {
	if user == "" {
		s.Rotate()
	} else {
		s.SetPrincipal(user)
	}
}
