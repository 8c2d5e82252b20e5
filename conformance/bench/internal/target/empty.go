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

// rotateEmpty hands out a new one, so that the client is as busy as with the others.
func rotateEmpty(w http.ResponseWriter, r *http.Request, _ string) error {
	return fillEmpty(w, r, content{})
}

func startEmpty(env) (*application, error) {
	answer := func(w http.ResponseWriter, _ *http.Request) error {
		reply(w, 0, 0)
		return nil
	}
	return &application{handler: handlers{fill: fillEmpty, read: answer, change: answer, rotate: rotateEmpty}.mux()}, nil
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
		rotate: func(c *gin.Context, user string) error { return rotateEmpty(c.Writer, c.Request, user) },
	}.register(engine)
	return &application{handler: engine}, nil
}

func startEmptyFiber(env) (*application, error) {
	answer := func(c *fiber.Ctx) error { return replyFiber(c, 0, 0) }
	fill := func(c *fiber.Ctx, content content) error {
		c.Cookie(&fiber.Cookie{Name: "session", Value: rand.Text(), Path: "/", HTTPOnly: true})
		return replyFiber(c, 0, content.size)
	}
	app := newFiber()
	fiberHandlers{
		fill: fill, read: answer, change: answer,
		rotate: func(c *fiber.Ctx, _ string) error { return fill(c, content{}) },
	}.register(app)
	return &application{fiber: app}, nil
}
