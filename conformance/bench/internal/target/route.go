package target

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"github.com/gin-gonic/gin"
	"github.com/gofiber/fiber/v2"
)

// The values in a session: a number that is changed, strings f0, f1 … that make up its
// size, and who has signed in. berth keeps the last itself.
const (
	number = "n"
	first  = "f0"
	owner  = "user"
)

// Paths of the routes.
const (
	fillPath   = "/fill"
	readPath   = "/read"
	changePath = "/change"
	rotatePath = "/rotate"
)

// userParam is who signs in, in the query of the rotate route.
const userParam = "user"

// content is what the fill route puts into a session, besides n = 0.
type content struct{ fields, size int }

func parseContent(query func(string) string) (content, error) {
	fields, err := strconv.Atoi(query("fields"))
	if err != nil {
		return content{}, err
	}
	size, err := strconv.Atoi(query("size"))
	return content{fields, size}, err
}

// each calls put with every string of the content.
func (c content) each(put func(key, value string)) {
	value := strings.Repeat("x", c.size)
	for i := range c.fields {
		put("f"+strconv.Itoa(i), value)
	}
}

// appendReply is the body of every response.
func appendReply(b []byte, n, size int) []byte {
	b = strconv.AppendInt(b, int64(n), 10)
	b = append(b, ' ')
	return strconv.AppendInt(b, int64(size), 10)
}

var plainText = []string{"text/plain"}

func reply(w http.ResponseWriter, n, size int) {
	w.Header()["Content-Type"] = plainText // so that nothing has to guess it
	_, _ = w.Write(appendReply(make([]byte, 0, 32), n, size))
}

func replyGin(c *gin.Context, n, size int) {
	c.Data(http.StatusOK, "text/plain", appendReply(make([]byte, 0, 32), n, size))
}

func replyFiber(c *fiber.Ctx, n, size int) error {
	c.Set(fiber.HeaderContentType, fiber.MIMETextPlain)
	return c.Send(appendReply(make([]byte, 0, 32), n, size))
}

// handlers are the routes of a target under net/http. An error is a 500. Rotate is nil
// where there is nothing to rotate.
type handlers struct {
	fill         func(http.ResponseWriter, *http.Request, content) error
	read, change func(http.ResponseWriter, *http.Request) error
	rotate       func(w http.ResponseWriter, r *http.Request, user string) error
}

func (h handlers) mux() *http.ServeMux {
	answer := func(handler func(http.ResponseWriter, *http.Request) error) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			if err := handler(w, r); err != nil {
				http.Error(w, err.Error(), http.StatusInternalServerError)
			}
		}
	}
	mux := http.NewServeMux()
	mux.HandleFunc("POST "+fillPath, answer(func(w http.ResponseWriter, r *http.Request) error {
		c, err := parseContent(r.URL.Query().Get)
		if err != nil {
			return err
		}
		return h.fill(w, r, c)
	}))
	mux.HandleFunc("GET "+readPath, answer(h.read))
	mux.HandleFunc("POST "+changePath, answer(h.change))
	if h.rotate != nil {
		mux.HandleFunc("POST "+rotatePath, answer(func(w http.ResponseWriter, r *http.Request) error {
			return h.rotate(w, r, r.URL.Query().Get(userParam))
		}))
	}
	return mux
}

// ginHandlers are the routes of a target under Gin.
type ginHandlers struct {
	fill         func(*gin.Context, content) error
	read, change func(*gin.Context) error
	rotate       func(c *gin.Context, user string) error
}

func (h ginHandlers) register(e *gin.Engine) {
	answer := func(handler func(*gin.Context) error) gin.HandlerFunc {
		return func(c *gin.Context) {
			if err := handler(c); err != nil {
				c.String(http.StatusInternalServerError, err.Error())
			}
		}
	}
	e.POST(fillPath, answer(func(c *gin.Context) error {
		content, err := parseContent(c.Query)
		if err != nil {
			return err
		}
		return h.fill(c, content)
	}))
	e.GET(readPath, answer(h.read))
	e.POST(changePath, answer(h.change))
	e.POST(rotatePath, answer(func(c *gin.Context) error { return h.rotate(c, c.Query(userParam)) }))
}

// newGin is gin.New, without what gin.Default logs.
func newGin() *gin.Engine {
	gin.SetMode(gin.ReleaseMode)
	return gin.New()
}

// fiberHandlers are the routes of a target under Fiber.
type fiberHandlers struct {
	fill         func(*fiber.Ctx, content) error
	read, change fiber.Handler
	rotate       func(c *fiber.Ctx, user string) error
}

func (h fiberHandlers) register(app *fiber.App) {
	app.Post(fillPath, func(c *fiber.Ctx) error {
		content, err := parseContent(func(key string) string { return c.Query(key) })
		if err != nil {
			return err
		}
		return h.fill(c, content)
	})
	app.Get(readPath, h.read)
	app.Post(changePath, h.change)
	app.Post(rotatePath, func(c *fiber.Ctx) error {
		return h.rotate(c, strings.Clone(c.Query(userParam))) // Fiber uses its memory again
	})
}

// number of a session that a library hands out as any. Absent is 0.
func asInt(v any) (int, error) {
	switch v := v.(type) {
	case nil:
		return 0, nil
	case int:
		return v, nil
	}
	return 0, fmt.Errorf("n is a %T", v)
}

func asString(v any) (string, error) {
	switch v := v.(type) {
	case nil:
		return "", nil
	case string:
		return v, nil
	}
	return "", fmt.Errorf("f0 is a %T", v)
}
