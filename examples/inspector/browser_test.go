//go:build browser

package main

import (
	"context"
	"errors"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/berthgo/berth/core/session"
	"github.com/berthgo/berth/core/sessiontest"
	"github.com/berthgo/berth/examples/browsertest"
)

// see waits until the page has a heading and a text.
func see(b *browsertest.Browser, heading, text string) {
	b.Until("h1", heading)
	b.Until("main", text)
}

// An operator finds a user, ends a session with the keyboard, and replays an end.
func TestBrowser(t *testing.T) {
	m := sessiontest.New(t, session.Options{App: "shop", TrackEnd: true, EndAttempts: 1})
	const ann = "ann@example.com"
	cookie := m.SignIn(ann, sessiontest.Values{"cart": []string{"apple", "pear"}, "token": "hidden"})
	m.SignIn(ann, sessiontest.Values{"cart": []string{"plum"}})
	m.SignIn(`<b onclick="x">`+strings.Repeat("bob", 40), nil)
	gone, _, _ := strings.Cut(m.SignIn("carl", sessiontest.Values{"cart": []string{"fig"}}).Value, ".")
	if err := m.Manager.EndHandle(t.Context(), gone); err != nil {
		t.Fatal(err)
	}
	if _, err := m.HandleEnds(func(context.Context, session.Ended) error { return errors.New("no") }); err == nil {
		t.Fatal("the handler did not fail")
	}
	server := httptest.NewServer(handler(m.Manager, "Shop", "correct"))
	defer server.Close()
	at, err := url.Parse(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	at.User = url.UserPassword("operator", "correct")
	b := browsertest.Open(t)
	b.Do(chromedp.Navigate(at.String() + "/admin/sessions/"))
	see(b, "Find sessions", "In this process")
	b.Narrow()
	b.Shoot("find")

	// The keyboard alone: into the form, to a session, to its end.
	b.Do(chromedp.Focus("#principal", chromedp.ByQuery), chromedp.SendKeys("#principal", ann+"\r", chromedp.ByQuery))
	see(b, "Sessions of a user", "2 sessions")
	b.Narrow()
	b.Shoot("user")
	handle, _, _ := strings.Cut(cookie.Value, ".")
	b.Do(chromedp.Focus(`a[href="session?handle=`+handle+`"]`, chromedp.ByQuery), chromedp.KeyEvent("\r"))
	see(b, "A session", "[apple pear]")
	see(b, "A session", "not shown")
	b.Narrow()
	b.Shoot("session")
	b.Do(chromedp.Focus("summary", chromedp.ByQuery), chromedp.KeyEvent("\r"), chromedp.WaitVisible("details button", chromedp.ByQuery), chromedp.KeyEvent("\t"), chromedp.KeyEvent("\r"))
	see(b, "Done", "The session has ended")
	if s, err := m.Lookup(cookie); err == nil && s.Principal() == ann {
		t.Error("the session lives")
	}

	b.Do(chromedp.Click(`//nav/a[text()="All sessions"]`))
	see(b, "All sessions", "bobbob")
	b.Narrow()
	b.Shoot("all")
	b.Do(chromedp.Click(`//nav/a[text()="Ends kept aside"]`))
	see(b, "Ends kept aside", gone)
	b.Narrow()
	b.Shoot("aside")
	b.Do(chromedp.Click(`a[href="end?handle=`+gone+`"]`, chromedp.ByQuery))
	see(b, "An end kept aside", "carl")
	b.Narrow()
	b.Shoot("end")
	b.Do(chromedp.Click("form .calm", chromedp.ByQuery))
	see(b, "Done", "handed out again")

	b.Do(chromedp.Click(`//nav/a[text()="Statistics"]`))
	see(b, "Statistics", "every 5 seconds")
	b.Narrow()
	b.Shoot("stats")
	b.Do(chromedp.Click(`//a[text()="Stop that"]`))
	see(b, "Statistics", "Load anew every 5 seconds")
}
