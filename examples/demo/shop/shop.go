// Package shop is a small shop that keeps its visitors' carts in berth sessions. It knows no web
// framework. The framework finds the [Route], passes it a [Request], and sends the [Answer] back.
//
// The session cookie is SameSite=Lax. So browsers leave it out when another site makes them post
// here, and no other site can put things into a visitor's cart. That is enough for this shop. A
// shop with real accounts would also refuse a cross-site login, which needs no cookie.
// [http.CrossOriginProtection] does that.
package shop

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"html/template"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/berthgo/berth/core/session"
)

// Limits of what visitors send.
const (
	maxItem = 100  // characters
	maxUser = 64   // characters
	maxCart = 1000 // items
	maxSlow = 5000 // milliseconds

	// MaxForm is how many bytes a request's body may have.
	MaxForm = 64 << 10
)

// pingTime is how long a health check waits for Redis.
const pingTime = 2 * time.Second

// Cart is what a visitor wants to buy, in the order of choice.
type Cart struct {
	Items []string `json:"items"`
}

// CartKey is where a session keeps its cart.
const CartKey session.Key[Cart] = "cart"

//go:embed page.html
var page string

// Shop is the shop of one process.
type Shop struct {
	servedBy string
	ping     func(ctx context.Context) error
	logger   *slog.Logger
	html     *template.Template
}

// New returns a shop. Its answers name servedBy, so you can see which of several processes has
// answered. The shop calls ping to find out whether Redis answers. logger gets what visitors need
// not know.
func New(servedBy string, ping func(ctx context.Context) error, logger *slog.Logger) *Shop {
	return &Shop{servedBy, ping, logger, template.Must(template.New("page").Parse(page))}
}

// badInput is the visitor's mistake, in words for the visitor.
type badInput string

func (b badInput) Error() string { return string(b) }

// cart returns the cart of a session, which is empty at first.
func cart(s *session.Session) (Cart, error) {
	c, err := CartKey.Get(s)
	if errors.Is(err, session.ErrNoValue) {
		err = nil
	}
	return c, err
}

// add puts an item into the cart.
func add(ctx context.Context, item string) error {
	item, err := text("item", item, maxItem)
	if err != nil {
		return err
	}
	s := session.FromContext(ctx)
	c, err := cart(s)
	if err != nil {
		return err
	}
	if len(c.Items) >= maxCart {
		return badInput(fmt.Sprintf("the cart is full: it holds %d items", maxCart))
	}
	c.Items = append(c.Items, item)
	CartKey.Set(s, c)
	return nil
}

// login signs a user in, and gives the visitor a new cookie. The cart stays, unless another user
// was signed in: then berth deletes it.
func login(ctx context.Context, user string) error {
	user, err := text("user", user, maxUser)
	if err != nil {
		return err
	}
	session.FromContext(ctx).SetPrincipal(user)
	return nil
}

// logout ends the session, cart and all.
func logout(ctx context.Context) { session.FromContext(ctx).Abandon() }

// rotate gives the visitor a new cookie. The session and its handle stay.
func rotate(ctx context.Context) { session.FromContext(ctx).Rotate() }

// slow holds the session for some milliseconds. It ends earlier if the client goes or the session
// is lost.
func slow(ctx context.Context, ms string) (int, error) {
	n, err := strconv.Atoi(ms)
	if err != nil || n < 0 || n > maxSlow {
		return 0, badInput(fmt.Sprintf("ms must be a whole number from 0 to %d", maxSlow))
	}
	timer := time.NewTimer(time.Duration(n) * time.Millisecond)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	case <-session.FromContext(ctx).Lost():
		return 0, session.ErrLockLost
	}
	return n, nil
}

// text checks a form field, and trims it.
func text(field, value string, most int) (string, error) {
	value = strings.TrimSpace(value)
	switch {
	case value == "":
		return "", badInput(fmt.Sprintf("the form field %q is missing", field))
	case !utf8.ValidString(value) || strings.ContainsFunc(value, unicode.IsControl):
		return "", badInput(fmt.Sprintf("the form field %q is not plain text", field))
	case utf8.RuneCountInString(value) > most:
		return "", badInput(fmt.Sprintf("the form field %q is too long: it may have %d characters", field, most))
	}
	return value, nil
}

// status is the HTTP status of an error.
func status(err error) int {
	var bad badInput
	if errors.As(err, &bad) {
		return http.StatusBadRequest
	}
	code, _ := session.HTTPStatus(err)
	return code
}
