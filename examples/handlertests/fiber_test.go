package handlertests

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/gofiber/fiber/v2"

	"github.com/berthgo/berth/adapters/fibersession"
	"github.com/berthgo/berth/core/session"
	"github.com/berthgo/berth/core/sessiontest"
)

func addFiber(c *fiber.Ctx) error {
	s := fibersession.From(c)
	s.Set("items", append(session.GetOr(s, "items", []string(nil)), c.Query("item")))
	return c.SendString("added")
}

func TestFiber(t *testing.T) {
	t.Parallel()
	sessions := sessiontest.New(t, session.Options{})
	app := fiber.New()
	app.Use(fibersession.Middleware(sessions.Manager))
	app.Post("/cart", addFiber)

	// By Fiber's own app.Test:
	cookie := sessions.SignIn("ann", sessiontest.Values{"items": []string{"tea"}})
	request := httptest.NewRequest("POST", "/cart?item=jam", nil)
	request.AddCookie(cookie)
	response, err := app.Test(request, -1)
	wantBody(t, response, err, "added")

	// By a client, which keeps the cookie:
	client := sessions.ClientFunc(func(r *http.Request) (*http.Response, error) { return app.Test(r, -1) }, cookie)
	response, err = client.Post("/cart?item=milk", "", nil)
	wantBody(t, response, err, "added")

	if got := session.GetOr(sessions.Session(cookie), "items", []string(nil)); len(got) != 3 {
		t.Errorf("the cart has %q, want tea, jam and milk", got)
	}
}
