// Package browsertest drives a Chromium for the tests of pages, and hears what it complains of. A complaint fails
// the test.
//
// Without a browser, a test skips and says so; with REQUIRE_BROWSER=1 it fails. With SCREENSHOTS=DIR, tests leave
// pictures there: of a desktop and a phone, light and dark.
package browsertest

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"time"

	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/cdproto/target"
	"github.com/chromedp/chromedp"
)

// most is how long a test may use its browser.
const most = 2 * time.Minute

// TB is what the package needs of a testing.TB.
type TB interface {
	Cleanup(f func())
	Context() context.Context
	Errorf(format string, args ...any)
	Fatal(args ...any)
	Helper()
	Skip(args ...any)
}

// Browser is a window of a Chromium.
type Browser struct {
	t   TB
	ctx context.Context

	mu         sync.Mutex
	requests   map[network.RequestID]string // their addresses
	complaints []string
	expected   []string
}

// program returns the Chromium of this machine.
func program() (string, bool) {
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome", "chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			return path, true
		}
	}
	return "", false
}

// Open opens a browser, until the test ends.
func Open(t TB) *Browser {
	t.Helper()
	path, there := program()
	if !there {
		const missing = "there is no Chromium: install chromium (apt-get install chromium)"
		if os.Getenv("REQUIRE_BROWSER") != "" {
			t.Fatal(missing)
		}
		t.Skip("skipped, for want of a browser: " + missing)
	}
	// Chromium's sandbox does not start as root, as in a container.
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(path), chromedp.NoSandbox)
	limited, stop := context.WithTimeout(t.Context(), most)
	t.Cleanup(stop)
	allocated, stop := chromedp.NewExecAllocator(limited, options...)
	t.Cleanup(stop)
	return attach(allocated, t)
}

// attach opens a window, or takes one that is open.
func attach(parent context.Context, t TB, options ...chromedp.ContextOption) *Browser {
	t.Helper()
	ctx, stop := chromedp.NewContext(parent, options...)
	t.Cleanup(stop)
	b := &Browser{t: t, ctx: ctx, requests: map[network.RequestID]string{}}
	chromedp.ListenTarget(ctx, b.hear)
	b.Do(log.Enable(), runtime.Enable(), network.Enable(), chromedp.EmulateViewport(1280, 800))
	t.Cleanup(b.check) // before stop, after all else of the test
	return b
}

// Window returns the window that opens when somebody presses the return key on an element.
func (b *Browser) Window(selector string) *Browser {
	b.t.Helper()
	opened := chromedp.WaitNewTarget(b.ctx, func(info *target.Info) bool { return info.Type == "page" })
	b.Press(selector)
	select {
	case id := <-opened:
		return attach(b.ctx, b.t, chromedp.WithTargetID(id))
	case <-b.ctx.Done():
		b.t.Fatal("no window was opened")
		return nil
	}
}

func (b *Browser) hear(event any) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch event := event.(type) {
	case *log.EventEntryAdded:
		b.complaints = append(b.complaints, event.Entry.Text+" "+event.Entry.URL)
	case *runtime.EventConsoleAPICalled:
		b.complaints = append(b.complaints, "a script wrote to the console: "+string(event.Type))
	case *runtime.EventExceptionThrown:
		b.complaints = append(b.complaints, event.ExceptionDetails.Error())
	case *network.EventRequestWillBeSent:
		b.requests[event.RequestID] = event.Request.URL
	case *network.EventLoadingFailed:
		// A page that is left cancels what it loads. Of what began before the window was attached, the browser
		// says nothing that can be relied on.
		if url, begun := b.requests[event.RequestID]; begun && !event.Canceled {
			b.complaints = append(b.complaints, "a request failed: "+event.ErrorText+" "+url)
		}
	}
}

// Expect has complaints with this text not fail the test.
func (b *Browser) Expect(text string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.expected = append(b.expected, text)
}

func (b *Browser) check() {
	b.mu.Lock()
	defer b.mu.Unlock()
complaints:
	for _, complaint := range b.complaints {
		for _, text := range b.expected {
			if strings.Contains(complaint, text) {
				continue complaints
			}
		}
		b.t.Errorf("the browser says: %s", complaint)
	}
}

// Do runs actions. An error ends the test.
func (b *Browser) Do(actions ...chromedp.Action) {
	b.t.Helper()
	if err := chromedp.Run(b.ctx, actions...); err != nil {
		b.t.Fatal(err)
	}
}

// Text is what a reader sees of an element, "" if it is not there.
func (b *Browser) Text(selector string) string {
	b.t.Helper()
	var text string
	b.Do(chromedp.Evaluate(fmt.Sprintf(`document.querySelector(%q)?.innerText ?? ""`, selector), &text))
	return text
}

// Until waits until an element has this text.
func (b *Browser) Until(selector, text string) {
	b.t.Helper()
	b.until(fmt.Sprintf(`(document.querySelector(%q)?.innerText ?? "").includes(%q)`, selector, text),
		func() string {
			return fmt.Sprintf("%s never has the text %q: it has %q", selector, text, b.Text(selector))
		})
}

// UntilTrue waits until an expression of JavaScript is true.
func (b *Browser) UntilTrue(expression string) {
	b.t.Helper()
	b.until(expression, func() string { return "never true: " + expression })
}

func (b *Browser) until(expression string, never func() string) {
	b.t.Helper()
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		var now bool
		// Not chromedp.Poll: it needs eval, which a page's Content-Security-Policy may forbid.
		b.Do(chromedp.Evaluate(expression, &now))
		if now {
			return
		}
		if time.Now().After(deadline) {
			b.t.Fatal(never())
		}
	}
}

// Press puts the focus on an element, and presses a key there: the return key, if no other is given. Unlike a click
// it does not miss what moves.
func (b *Browser) Press(selector string, key ...string) {
	b.t.Helper()
	b.UntilTrue(fmt.Sprintf(`document.querySelector(%q)?.checkVisibility() === true`, selector))
	b.Do(chromedp.Evaluate(fmt.Sprintf(`document.querySelector(%q).focus()`, selector), nil))
	b.Do(chromedp.KeyEvent(strings.Join(append(key, "\r")[:1], "")))
}
