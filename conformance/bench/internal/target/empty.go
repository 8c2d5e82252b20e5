package target

import (
	"crypto/rand"
	"net/http"

	"github.com/gin-gonic/gin"
	"github.com/gofiber/fiber/v2"
)

// fillEmpty hands out a cookie, so that requests are as long as those of the others.
func fillEmpty(w http.ResponseWriter, _ *http.Request, c content) error {
	http.SetCookie(w, &http.Cookie{Name: "session", Value: rand.Text(), Path: "/", HttpOnly: true})
	reply(w, 0, c.size)
	return nil
}

func startEmpty(env) (*application, error) {
	answer := func(w http.ResponseWriter, _ *http.Request) error {
		reply(w, 0, 0)
		return nil
	}
	return &application{handler: handlers{fill: fillEmpty, read: answer, change: answer}.mux()}, nil
}

func startEmptyGin(env) (*application, error) {
	answer := func(c *gin.Context) error {
		replyGin(c, 0, 0)
		return nil
	}
	engine := newGin()
	ginHandlers{
		fill: func(c *gin.Context, content content) error { return fillEmpty(c.Writer, c.Request, content) },
		read: answer, change: answer,
	}.register(engine)
	return &application{handler: engine}, nil
}

func startEmptyFiber(env) (*application, error) {
	answer := func(c *fiber.Ctx) error { return replyFiber(c, 0, 0) }
	app := newFiber()
	fiberHandlers{
		fill: func(c *fiber.Ctx, content content) error {
			c.Cookie(&fiber.Cookie{Name: "session", Value: rand.Text(), Path: "/", HTTPOnly: true})
			return replyFiber(c, 0, content.size)
		},
		read: answer, change: answer,
	}.register(app)
	return &application{fiber: app}, nil
}
