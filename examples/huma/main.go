// Command huma serves an API that is written with Huma, on chi. Its operations know the session by their context.
package main

import (
	"context"
	"log"
	"net/http"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humachi"
	"github.com/go-chi/chi/v5"
	"github.com/go-chi/chi/v5/middleware"

	"github.com/redis/go-redis/v9"

	"github.com/berthgo/berth/adapters/chisession"
	"github.com/berthgo/berth/core/session"
)

const items session.Key[[]string] = "items"

type cart struct {
	Body struct {
		Items []string `json:"items"`
	}
}

// show answers with the cart of the session.
func show(ctx context.Context, _ *struct{}) (*cart, error) {
	var out cart
	out.Body.Items = items.GetOr(session.FromContext(ctx), []string{})
	return &out, nil
}

type addition struct {
	Body struct {
		Item string `json:"item" minLength:"1"`
	}
}

// add puts an item into the cart of the session.
func add(ctx context.Context, in *addition) (*cart, error) {
	s := session.FromContext(ctx)
	var out cart
	out.Body.Items = append(items.GetOr(s, nil), in.Body.Item)
	items.Set(s, out.Body.Items) // the session is saved before the first byte
	return &out, nil
}

func newHandler(m *session.Manager) http.Handler {
	router := chi.NewRouter()
	// Huma panics if it cannot write its response, as when the session could not be saved. The client has its 503
	// by then. Recoverer lets it through.
	router.Use(middleware.Recoverer, chisession.Middleware(m))
	api := humachi.New(router, huma.DefaultConfig("Cart", "1.0.0"))
	huma.Get(api, "/cart", show)
	huma.Post(api, "/cart", add)
	return router
}

func main() {
	client := redis.NewClient(&redis.Options{Addr: "127.0.0.1:6379"})
	m, err := session.New(client, session.Options{App: "huma"})
	if err != nil {
		log.Fatal(err)
	}
	log.Fatal(http.ListenAndServe("127.0.0.1:8080", newHandler(m)))
}
