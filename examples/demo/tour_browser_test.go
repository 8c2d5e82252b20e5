//go:build browser

package main

import (
	"os"
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/berthgo/berth/examples/browsertest"
)

// TestPageTour goes through the stories on one page. All texts have enough contrast, and pictures are taken: with
// PICTURE=FILE that of the README.
func TestPageTour(t *testing.T) {
	d := start(t, map[string]string{"APP": "shop"})
	p := &page{t: t, demo: d, redis: clientOf(t, d, "miniredis"), Browser: browsertest.Open(t)}
	p.Expect("status of 503")
	p.Do(chromedp.Navigate(d.url))
	p.listens()
	p.Shoot("start")
	for _, framework := range frameworks[:5] {
		p.add(framework)
		p.Until("#cart-said", framework+" put in")
	}
	p.Press("#signin button")
	p.Until("#secret-verdict", "changes")
	p.Press("#race-go")
	p.Until("#race-scs .lost", "lost")

	second := &page{t: t, demo: d, redis: p.redis, Browser: p.Window("#second")}
	second.Expect("status of 503")
	second.listens()
	second.add("echo")
	second.Until("#cart-said", "echo put in")
	second.Press("#signin button")
	second.Until("#people-said", "You are ann now.")
	p.Press("#others")
	p.Until("#devices-said", "One other is logged out")
	second.Until("#told", "operator")
	second.Shoot("second")
	p.Until("#end-list", "logged out from elsewhere")
	second.Press("#signin button")
	p.Until("#device-list", "at localhost")

	p.Press("#outage-go")
	p.Until(".window[data-mode=retry]", "Hello again")
	p.Press("#lock-go")
	p.Until("#lock-said", "echo5 read at once")
	p.Narrow()
	p.Contrast()
	p.Shoot("demo")
	if file := os.Getenv("PICTURE"); file != "" {
		p.Picture(file, 1280, 1600)
	}
}
