//go:build browser

package main

import (
	"context"
	"errors"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"

	"github.com/berthgo/berth/core/session"
	"github.com/berthgo/berth/core/sessiontest"
)

// This test needs Chromium: go test -tags browser ./inspector. With SCREENSHOTS=DIR it leaves pictures there.

// browser is a Chromium, and what it complained of.
type browser struct {
	t    *testing.T
	ctx  context.Context
	base string

	mu         sync.Mutex
	complaints []string
}

func open(t *testing.T, base string) *browser {
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.NoSandbox)
	allocated, stop := chromedp.NewExecAllocator(t.Context(), options...)
	t.Cleanup(stop)
	ctx, stop := chromedp.NewContext(allocated)
	t.Cleanup(stop)
	ctx, stop = context.WithTimeout(ctx, time.Minute)
	t.Cleanup(stop)
	b := &browser{t: t, ctx: ctx, base: base}
	chromedp.ListenTarget(ctx, func(event any) {
		b.mu.Lock()
		defer b.mu.Unlock()
		switch event := event.(type) {
		case *log.EventEntryAdded:
			b.complaints = append(b.complaints, event.Entry.Text+" "+event.Entry.URL)
		case *runtime.EventConsoleAPICalled, *runtime.EventExceptionThrown:
			b.complaints = append(b.complaints, "a script has run")
		}
	})
	b.do(log.Enable(), runtime.Enable())
	return b
}

func (b *browser) do(actions ...chromedp.Action) {
	b.t.Helper()
	if err := chromedp.Run(b.ctx, actions...); err != nil {
		b.t.Fatal(err)
	}
}

// see waits until the page has a heading and a text.
func (b *browser) see(heading, text string) {
	b.t.Helper()
	var page string
	b.do(chromedp.WaitVisible(`//h1[text()="`+heading+`"]`), chromedp.Text("main", &page, chromedp.ByQuery))
	if !strings.Contains(page, text) {
		b.t.Errorf("%q is not on the page %q:\n%s", text, heading, page)
	}
}

func (b *browser) shoot(name string) {
	dir := os.Getenv("SCREENSHOTS")
	if dir == "" {
		return
	}
	for _, scheme := range []string{"light", "dark"} {
		for device, width := range map[string]int64{"desktop": 1200, "phone": 375} {
			var picture []byte
			b.do(
				chromedp.EmulateViewport(width, 800),
				emulation.SetEmulatedMedia().WithFeatures([]*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}}),
				chromedp.FullScreenshot(&picture, 100),
			)
			if err := os.WriteFile(filepath.Join(dir, name+"-"+device+"-"+scheme+".png"), picture, 0o600); err != nil {
				b.t.Fatal(err)
			}
		}
	}
	b.do(chromedp.EmulateViewport(1200, 800))
}

// narrow fails the test if a phone has to scroll sideways.
func (b *browser) narrow() {
	b.t.Helper()
	var wide bool
	b.do(chromedp.EmulateViewport(360, 800),
		chromedp.Evaluate(`document.documentElement.scrollWidth > document.documentElement.clientWidth`, &wide),
		chromedp.EmulateViewport(1200, 800))
	if wide {
		b.t.Error("a page is wider than a phone")
	}
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
	b := open(t, at.String()+"/admin/sessions/")
	defer func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		for _, complaint := range b.complaints {
			t.Errorf("the browser says: %s", complaint)
		}
	}()
	b.do(chromedp.Navigate(b.base))
	b.see("Find sessions", "In this process")
	b.narrow()
	b.shoot("find")

	// The keyboard alone: into the form, to a session, to its end.
	b.do(chromedp.Focus("#principal", chromedp.ByQuery), chromedp.SendKeys("#principal", ann+"\r", chromedp.ByQuery))
	b.see("Sessions of a user", "2 sessions")
	b.narrow()
	b.shoot("user")
	handle, _, _ := strings.Cut(cookie.Value, ".")
	b.do(chromedp.Focus(`a[href="session?handle=`+handle+`"]`, chromedp.ByQuery), chromedp.KeyEvent("\r"))
	b.see("A session", "[apple pear]")
	b.see("A session", "not shown")
	b.narrow()
	b.shoot("session")
	b.do(chromedp.Focus("summary", chromedp.ByQuery), chromedp.KeyEvent("\r"), chromedp.WaitVisible("details button", chromedp.ByQuery), chromedp.KeyEvent("\t"), chromedp.KeyEvent("\r"))
	b.see("Done", "The session has ended")
	if s, err := m.Lookup(cookie); err == nil && s.Principal() == ann {
		t.Error("the session lives")
	}

	b.do(chromedp.Click(`//nav/a[text()="All sessions"]`))
	b.see("All sessions", "bobbob")
	b.narrow()
	b.shoot("all")
	b.do(chromedp.Click(`//nav/a[text()="Ends kept aside"]`))
	b.see("Ends kept aside", gone)
	b.narrow()
	b.shoot("aside")
	b.do(chromedp.Click(`a[href="end?handle=`+gone+`"]`, chromedp.ByQuery))
	b.see("An end kept aside", "carl")
	b.narrow()
	b.shoot("end")
	b.do(chromedp.Click("form .calm", chromedp.ByQuery))
	b.see("Done", "handed out again")

	b.do(chromedp.Click(`//nav/a[text()="Statistics"]`))
	b.see("Statistics", "every 5 seconds")
	b.narrow()
	b.shoot("stats")
	b.do(chromedp.Click(`//a[text()="Stop that"]`))
	b.see("Statistics", "Load anew every 5 seconds")
}
