package shop

import (
	"context"
	"net/http"
	"strings"

	"github.com/berthgo/berth/core/session"
)

// Request is what the shop needs to know of an HTTP request.
type Request struct {
	Accept string                   // the header
	Form   func(name string) string // a field of the posted form, "" if there is none
	Query  func(name string) string // a parameter of the URL, "" if there is none
}

// Answer is an HTTP response.
type Answer struct {
	Status int
	Header map[string]string
	Body   []byte
}

// Route is one address of the shop. A framework begins the session with Access, and calls Handle
// with a context that has the session.
type Route struct {
	Method, Path string
	Access       session.Access
	Handle       func(ctx context.Context, r Request) Answer
}

// Routes are all addresses of the shop.
func (s *Shop) Routes() []Route {
	routes := []Route{
		{http.MethodGet, "/", session.ReadOnly, s.home},
		{http.MethodGet, "/cart", session.ReadOnly, s.cart},
		{http.MethodPost, "/cart/add", session.Exclusive, s.add},
		{http.MethodPost, "/login", session.Exclusive, s.login},
		{http.MethodPost, "/logout", session.Shared, s.logout}, // it waits for nobody
		{http.MethodPost, "/rotate", session.Exclusive, s.rotate},
		{http.MethodGet, "/whoami", session.ReadOnly, s.whoami},
		{http.MethodGet, "/slow", session.Exclusive, s.slow},
		{http.MethodGet, "/healthz", session.None, s.health},
	}
	for _, r := range routes {
		if r.Method == http.MethodGet {
			r.Method = http.MethodHead
			routes = append(routes, r)
		}
	}
	return routes
}

func (s *Shop) home(ctx context.Context, _ Request) Answer {
	return s.page(ctx, http.StatusOK, "")
}

func (s *Shop) cart(ctx context.Context, _ Request) Answer {
	c, err := cart(session.FromContext(ctx))
	if err != nil {
		return s.Failed(ctx, err)
	}
	return s.cartAnswer(c)
}

func (s *Shop) add(ctx context.Context, r Request) Answer {
	if err := add(ctx, r.Form("item")); err != nil {
		return s.refused(ctx, r, err)
	}
	if wantsPage(r) {
		return backHome()
	}
	return s.cart(ctx, r)
}

func (s *Shop) login(ctx context.Context, r Request) Answer {
	if err := login(ctx, r.Form("user")); err != nil {
		return s.refused(ctx, r, err)
	}
	if wantsPage(r) {
		return backHome()
	}
	return s.whoami(ctx, r)
}

func (s *Shop) logout(ctx context.Context, r Request) Answer {
	logout(ctx)
	if wantsPage(r) {
		return backHome()
	}
	return s.userAnswer("")
}

func (s *Shop) rotate(ctx context.Context, r Request) Answer {
	rotate(ctx)
	return s.whoami(ctx, r)
}

func (s *Shop) whoami(ctx context.Context, _ Request) Answer {
	return s.userAnswer(session.FromContext(ctx).Principal())
}

func (s *Shop) slow(ctx context.Context, r Request) Answer {
	ms, err := slow(ctx, r.Query("ms"))
	if err != nil {
		return s.Failed(ctx, err)
	}
	return AnswerJSON(http.StatusOK, struct {
		MS       int    `json:"ms"`
		ServedBy string `json:"served_by"`
	}{ms, s.servedBy})
}

func (s *Shop) health(ctx context.Context, _ Request) Answer {
	ctx, cancel := context.WithTimeout(ctx, pingTime)
	defer cancel()
	code, redis := http.StatusOK, "ok"
	if err := s.ping(ctx); err != nil {
		s.logger.WarnContext(ctx, "Redis does not answer", "error", err)
		code, redis = http.StatusServiceUnavailable, "does not answer"
	}
	return AnswerJSON(code, struct {
		Redis    string `json:"redis"`
		ServedBy string `json:"served_by"`
	}{redis, s.servedBy})
}

// wantsPage tells whether a client asks for HTML. Browsers do, and programs do not.
func wantsPage(r Request) bool {
	for _, accepted := range strings.Split(r.Accept, ",") {
		media, _, _ := strings.Cut(accepted, ";")
		if strings.EqualFold(strings.TrimSpace(media), "text/html") {
			return true
		}
	}
	return false
}
