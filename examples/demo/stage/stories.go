package stage

import (
	"context"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/berthgo/berth/core/session"
	"github.com/berthgo/berth/examples/demo/shop"
)

const (
	// clickTime is how long the handler of a click thinks between reading the number and writing it.
	clickTime = 25 * time.Millisecond
	// shortTime is the idle timeout of a session that is to end soon.
	shortTime = 5 * time.Second
	maxHold   = 5 * time.Second
	maxName   = 64 // bytes
)

// The page's values of a session.
const (
	clicks session.Key[int]    = "clicks"
	notes  session.Key[string] = "note"
	device session.Key[string] = "device"
)

// story has the handlers of one framework.
type story struct {
	*Stage
	shop      *shop.Shop
	framework string
}

// Routes are what a framework serves beside its shop. The page itself only peeks: so it keeps no session alive.
func (s *Stage) Routes(of *shop.Shop, framework string) []shop.Route {
	t := story{s, of, framework}
	return append(of.Routes(), []shop.Route{
		{Method: http.MethodGet, Path: "/demo/state", Access: session.Peek, Handle: t.state},
		{Method: http.MethodGet, Path: "/demo/cart", Access: session.Peek, Handle: t.cart},
		{Method: http.MethodGet, Path: "/demo/clicks", Access: session.Peek, Handle: t.clicks},
		{Method: http.MethodPost, Path: "/demo/visit", Access: session.Exclusive, Handle: t.visit},
		{Method: http.MethodPost, Path: "/demo/hold", Access: session.Exclusive, Handle: t.hold},
		{Method: http.MethodPost, Path: "/demo/click", Access: session.Exclusive, Handle: t.click},
		{Method: http.MethodPost, Path: "/demo/signin", Access: session.Exclusive, Handle: t.signIn},
		{Method: http.MethodPost, Path: "/demo/others", Access: session.ReadOnly, Handle: t.endOthers},
		{Method: http.MethodPost, Path: "/demo/short", Access: session.Exclusive, Handle: t.short},
	}...)
}

func ok(v any) shop.Answer { return shop.AnswerJSON(http.StatusOK, v) }

// visit makes a session where there is none, and sets the number of clicks to 0.
func (t story) visit(ctx context.Context, _ shop.Request) shop.Answer {
	clicks.Set(session.FromContext(ctx), 0)
	return ok(0)
}

func (t story) cart(ctx context.Context, _ shop.Request) shop.Answer {
	c := shop.CartKey.GetOr(session.FromContext(ctx), shop.Cart{})
	if c.Items == nil {
		c.Items = []string{}
	}
	return ok(c)
}

func (t story) clicks(ctx context.Context, _ shop.Request) shop.Answer {
	return ok(clicks.GetOr(session.FromContext(ctx), 0))
}

// phase is what the page draws of a request that holds the session.
type phase struct {
	ID string  `json:"id"` // that the page has given the request
	In bool    `json:"in"` // the request has the session, or else it lets go of it
	At float64 `json:"at"` // in milliseconds
}

// hold keeps the session for some milliseconds, and writes into it.
func (t story) hold(ctx context.Context, r shop.Request) shop.Answer {
	s := session.FromContext(ctx)
	tell := func(in bool) {
		t.hub.tell(s.Handle(), "phase", phase{name(r.Form("id")), in, millis(time.Now())})
	}
	ms, _ := strconv.Atoi(r.Form("ms"))
	tell(true)
	pause(ctx, min(time.Duration(max(0, ms))*time.Millisecond, maxHold))
	notes.Set(s, "from "+t.framework+", "+time.Now().Format("15:04:05"))
	tell(false)
	return ok(t.framework)
}

// clicked answers a click.
type clicked struct {
	N    int     `json:"n"`
	From float64 `json:"from"` // when the handler began, in milliseconds
	To   float64 `json:"to"`   // and when it was done
}

// millis is a time for the page.
func millis(t time.Time) float64 { return float64(t.UnixMicro()) / 1000 }

// click reads the number of clicks, thinks, and writes one more.
func (t story) click(ctx context.Context, _ shop.Request) shop.Answer {
	s := session.FromContext(ctx)
	began, n := time.Now(), clicks.GetOr(s, 0)
	pause(ctx, clickTime)
	clicks.Set(s, n+1)
	return ok(clicked{n + 1, millis(began), millis(time.Now())})
}

func (t story) signIn(ctx context.Context, r shop.Request) shop.Answer {
	user := name(r.Form("user"))
	if user == "" {
		return shop.AnswerJSON(http.StatusBadRequest, `the form field "user" is missing`)
	}
	s := session.FromContext(ctx)
	s.SetPrincipal(user)
	device.Set(s, name(r.Form("device"))) // all pages hear of it once it is saved
	return ok(user)
}

// endOthers logs the user out in all other browsers.
func (t story) endOthers(ctx context.Context, _ shop.Request) shop.Answer {
	n, err := session.FromContext(ctx).EndOthers(ctx)
	if err != nil {
		return t.shop.Failed(ctx, err)
	}
	t.hub.tell("", "people", nil)
	return ok(n)
}

// short has the session end soon, unless somebody uses it.
func (t story) short(ctx context.Context, _ shop.Request) shop.Answer {
	session.FromContext(ctx).SetTimeout(shortTime)
	return ok(shortTime.Milliseconds())
}

// name is a text of a form, at its most maxName bytes.
func name(text string) string {
	text = strings.TrimSpace(strings.ToValidUTF8(text, ""))
	return strings.ToValidUTF8(text[:min(len(text), maxName)], "")
}

// pause ends early with ctx.
func pause(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}
