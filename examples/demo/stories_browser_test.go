//go:build browser

package main

import (
	"fmt"
	"testing"

	"github.com/chromedp/chromedp"
)

// What one framework puts into the cart, all have.
func TestPageCart(t *testing.T) {
	onPage(t, func(t *testing.T, p *page) {
		p.Until("#key-none", "Nothing")
		p.add("gin")
		p.Until("#cart-said", "gin put in pear")
		p.add("fiber3")
		for _, framework := range frameworks {
			p.Until("#cart [data-framework="+framework+"] .items", "pear\nlemon")
		}
		handle := p.handle()
		if !p.has(handle, "Data") {
			t.Errorf("there is no session %q in Redis", handle)
		}
		p.Until("#key-list", "{"+p.demo.app+"_"+handle+"}_Data")
		p.Until("#key-list", `{"items":["pear","lemon"]}`)
		p.Until("#key-list", "nobody is signed in")
		p.Narrow()
		p.Shoot("cart")
	})
}

// Others wait for the one that holds the session, and no longer.
func TestPageLock(t *testing.T) {
	onPage(t, func(t *testing.T, p *page) {
		p.Press("#lock-go")
		p.Until("#key-list", "_Lock")
		p.UntilTrue(`document.querySelector("#lock-lanes [data-framework=gin] .bar.wait")?.hidden === false`)
		p.Until("#lock-said", "echo5 read at once")
		var waited, gap float64
		said := p.Text("#lock-said")
		if _, err := fmt.Sscanf(said, "gin waited %f s and went on %f ms", &waited, &gap); err != nil {
			t.Fatalf("%q: %v", said, err)
		}
		if waited < 2 || waited > 3 || gap > 500 {
			t.Errorf("gin waited %v s of 2.5 s, and %v ms too long", waited, gap)
		}
		p.Press("#lock-lanes [data-framework=echo] button")
		p.Until("#lock-said", "echo waited 0.")
		if p.has(p.handle(), "Lock") {
			t.Error("the session is still locked")
		}
		p.Narrow()
	})
}

// Of twenty clicks, berth counts twenty.
func TestPageRace(t *testing.T) {
	onPage(t, func(t *testing.T, p *page) {
		p.Press("#race-go")
		p.Until("#race-berth .lost", "none is lost")
		p.Until("#race-scs .lost", "lost")
		if n := p.Text("#race-berth .n"); n != "20" {
			t.Errorf("berth has counted %s", n)
		}
		if n := p.Text("#race-scs .n"); n == "20" || n == "0" || n == "–" {
			t.Errorf("scs has counted %s", n)
		}

		// What nobody could count is not lost.
		p.Expect("status of 503")
		p.Press("#outage-switch")
		p.Until("#redis-text", "Redis is away")
		p.Press("#race-go")
		p.Until("#race-berth .lost", "no answer")
		p.Until("#race-scs .lost", "no answer")
		p.Press("#outage-switch")
		p.Until("#redis-text", "Redis is there")
		p.Narrow()
	})
}

// Without Redis, a visitor gets an error, an empty session, or an answer that comes late.
func TestPageOutage(t *testing.T) {
	onPage(t, func(t *testing.T, p *page) {
		p.Expect("status of 503")
		p.Press("#outage-go")
		p.Until("#redis-text", "Redis is away")
		p.Until(".window[data-mode=error]", "503 – please try again")
		p.Until(".window[data-mode=silent]", "Hello, visitor")
		p.Until(".window[data-mode=retry]", "Loading")
		p.Until("#redis-text", "Redis is there")
		p.Until(".window[data-mode=retry]", "Hello again, visit 1")

		p.Press("#outage-switch")
		p.Until("#redis-text", "Redis is away")
		p.Until(".window[data-mode=retry]", "Loading")
		p.Until(".window[data-mode=error]", "503")
		p.Press("#outage-switch")
		p.Until(".window[data-mode=retry]", "Hello again, visit 2")

		// Two pages may take Redis away at once. What is drawn of the first time ends where the second begins.
		p.Press("#outage-go")
		p.Until("#redis-text", "Redis is away")
		p.Do(chromedp.Evaluate(`fetch("/demo/redis", { method: "POST", body: new URLSearchParams({ off: "1s" }) })`, nil))
		p.UntilTrue(`(() => {
			const [first, second] = document.querySelectorAll("#outage-lanes [data-mode=error] .bar.gone")
			return second !== undefined && parseFloat(first.style.left) + parseFloat(first.style.width) <= parseFloat(second.style.left) + 1
		})()`)
		p.Until("#redis-text", "Redis is there")
		p.Narrow()
	})
}

// The handle stays and the secret changes.
func TestPageSignIn(t *testing.T) {
	onPage(t, func(t *testing.T, p *page) {
		p.add("chi")
		p.Until("#cart-said", "chi put in apple")
		handle := p.handle()
		p.Press("#user") // the form is sent with the return key too
		p.Until("#people-said", "You are ann now.")
		p.Until("#handle-verdict", "stays")
		p.Until("#secret-verdict", "changes")
		p.Until("#key-list", "ann is signed in")
		p.Press("#user")
		p.Until("#people-said", "You are ann already")
		p.Until("#secret-verdict", "stays")
		p.Press("#rotate")
		p.Until("#people-said", "old secret")
		p.Until("#secret-verdict", "changes")
		p.Until("#key-list", "_Rotated")
		if got := p.handle(); got != handle || handle == "" {
			t.Errorf("the handle is %q, and was %q", got, handle)
		}
		p.Until("#device-list", "this one")
		p.Press("#signout")
		p.Until("#people-said", "Signed out")
		p.Until("#end-list", "signed out")
		p.Until("#end-list", "apple")
		if p.handle() != "" {
			t.Error("there is still a session")
		}
		p.Narrow()
	})
}

// A second browser is logged out from the first, and told why.
func TestPageDevices(t *testing.T) {
	onPage(t, func(t *testing.T, p *page) {
		p.Press("#signin button")
		p.Until("#device-list", "this one")
		second := &page{t: t, demo: p.demo, redis: p.redis, Browser: p.Window("#second")}
		second.listens()
		second.add("echo")
		second.Until("#cart-said", "echo put in plum")
		second.Press("#signin button")
		second.Until("#people-said", "You are ann now.")
		second.Until("#device-list", "at localhost")
		p.Until("#device-list", "at localhost")
		p.Press("#others")
		p.Until("#devices-said", "One other is logged out")
		second.Until("#told", "operator")
		second.UntilTrue(`(() => {
			const told = document.querySelector("#told").getBoundingClientRect()
			return told.height > 0 && told.top >= 0 && told.bottom <= innerHeight
		})()`) // wherever the page is scrolled to
		p.UntilTrue(`document.querySelectorAll("#device-list > li").length === 1`)
		p.Until("#end-list", "logged out from elsewhere")
		p.Until("#end-list", "plum")
		second.UntilTrue(`document.querySelector("#me-text").textContent === "no session yet"`)
	})
}

// A session that nobody uses is handed out with its last cart.
func TestPageEnds(t *testing.T) {
	onPage(t, func(t *testing.T, p *page) {
		p.add("echo5")
		p.Until("#cart-said", "echo5 put in fig")
		handle := p.handle()
		p.Press("#short")
		p.Until("#countdown", "if nobody uses it")
		p.Until("#end-list", handle[:8])
		p.Until("#end-list", "fig")
		p.Until("#end-list", "nobody used it")
		p.UntilTrue(`document.querySelector("#cart .items").children.length === 0`)
		p.Narrow()
	})
}

// Operators find the session in the inspector, which changes nothing.
func TestPageInspector(t *testing.T) {
	onPage(t, func(t *testing.T, p *page) {
		p.add("chi")
		p.Until("#cart-said", "chi put in apple")
		inspector := p.Window("#operators .button")
		inspector.Until("main", p.handle())
		inspector.Press(`a[href="session?handle=` + p.handle() + `"]`)
		inspector.Until("main", "apple")
		var buttons int
		inspector.Do(chromedp.Evaluate(`document.querySelectorAll("main button").length`, &buttons))
		if buttons != 0 {
			t.Errorf("there are %d buttons", buttons)
		}
	})
}
