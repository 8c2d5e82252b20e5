package main

import (
	"context"
	"crypto/rand"
	"io"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"

	"github.com/berthgo/berth/core/redistest"
)

var realURL string // where a real Redis is, "" if there is none

func TestMain(m *testing.M) {
	redistest.Main(m, func(url string) { realURL = url }, func() error { return nil })
}

// onEach runs the program on miniredis, and on a real Redis if there is one. Then it ends it.
func onEach(t *testing.T, test func(t *testing.T, url string)) {
	redises := map[string]string{"miniredis": "redis://" + miniredis.RunT(t).Addr()}
	if realURL != "" {
		redises["redis"] = realURL
	}
	for name, redis := range redises {
		t.Run(name, func(t *testing.T) {
			listener, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			ctx, stop := context.WithCancel(t.Context())
			ended := make(chan error, 1)
			set := settings{app: "devices-" + strings.ToLower(rand.Text()), redis: redis, stopTime: time.Minute} // tests share the Redis
			go func() { ended <- run(ctx, listener, set) }()
			defer func() {
				stop()
				if err := <-ended; err != nil {
					t.Error(err)
				}
			}()
			test(t, "http://"+listener.Addr().String())
		})
	}
}

// testBrowser is a browser with its cookies and its name.
type testBrowser struct {
	*http.Client
	t         *testing.T
	url, name string
}

func newBrowser(t *testing.T, url, name string) testBrowser {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	transport := &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	return testBrowser{&http.Client{Jar: jar, Transport: transport}, t, url, name}
}

// send sends a form, or gets a page if there is none. It returns the status, the path where redirects have led, and the page.
func (b testBrowser) send(path string, form url.Values) (status int, at, page string) {
	b.t.Helper()
	method, body := http.MethodGet, ""
	if form != nil {
		method, body = http.MethodPost, form.Encode()
	}
	request, err := http.NewRequestWithContext(b.t.Context(), method, b.url+path, strings.NewReader(body))
	if err != nil {
		b.t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	request.Header.Set("User-Agent", b.name)
	response, err := b.Do(request)
	if err != nil {
		b.t.Fatal(err)
	}
	defer response.Body.Close()
	content, err := io.ReadAll(response.Body)
	if err != nil {
		b.t.Fatal(err)
	}
	return response.StatusCode, response.Request.URL.Path, string(content)
}

func (b testBrowser) signIn(user, password string) {
	b.t.Helper()
	if status, at, page := b.send("/login", url.Values{"user": {user}, "password": {password}}); status != http.StatusOK || at != "/" {
		b.t.Fatalf("%s signs in at %s: %d at %s\n%s", user, b.name, status, at, page)
	}
}

// want gets the first page, and looks for texts in it.
func (b testBrowser) want(at string, texts ...string) string {
	b.t.Helper()
	_, got, page := b.send("/", nil)
	if got != at {
		b.t.Errorf("%s is at %s, want %s", b.name, got, at)
	}
	for _, text := range texts {
		if !strings.Contains(page, text) {
			b.t.Errorf("the page of %s does not say %q:\n%s", b.name, text, page)
		}
	}
	return page
}

var handles = regexp.MustCompile(`value="([a-z2-7]{26})"`)

// A user sees each device with its browser, ends one of them, and logs out the others. They are told.
func TestDevices(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, at string) {
		phone, laptop, tablet, other := newBrowser(t, at, "Phone"), newBrowser(t, at, "Laptop"), newBrowser(t, at, "Tablet"), newBrowser(t, at, "Bob's")
		phone.want("/login", "Sign in")
		for _, b := range []testBrowser{phone, laptop, tablet} {
			b.signIn("ann", "tea")
		}
		other.signIn("bob", "coffee")
		page := laptop.want("/", "Where ann is signed in", "Phone,", "Laptop <strong>(this one)", "Tablet,")
		if strings.Contains(page, "Bob") {
			t.Error("ann sees a device of bob")
		}

		found := handles.FindStringSubmatch(page)
		if found == nil {
			t.Fatalf("no device can be ended:\n%s", page)
		}
		first := found[1] // the oldest sign-in comes first
		if status, _, _ := other.send("/end", url.Values{"handle": {first}}); status != http.StatusNotFound {
			t.Errorf("bob ends a device of ann: status %d", status)
		}
		phone.want("/", "Where ann")
		laptop.send("/end", url.Values{"handle": {first}})
		phone.want("/login", "logged out from another device")
		tablet.want("/", "Laptop", "Tablet")

		laptop.send("/end-others", url.Values{})
		tablet.want("/login", "logged out from another device")
		laptop.want("/", "Laptop")
		other.want("/", "Where bob")

		phone.signIn("ann", "tea")
		laptop.send("/logout", url.Values{})
		if page := laptop.want("/login"); strings.Contains(page, "another device") {
			t.Error("who has logged out is told that another device did")
		}
		phone.want("/", "Phone <strong>(this one)")
		phone.signIn("bob", "coffee") // without a logout
		phone.want("/", "Where bob", "Phone <strong>(this one)", "Bob&#39;s,")
	})
}

// A sixth sign-in ends the oldest.
func TestSixDevices(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, at string) {
		first := newBrowser(t, at, "First")
		first.signIn("bob", "coffee")
		for range 5 {
			newBrowser(t, at, "Later").signIn("bob", "coffee")
		}
		first.want("/login", "five other devices")
	})
}

// A wrong password, and a form of another site, sign nobody in.
func TestRefused(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, at string) {
		b := newBrowser(t, at, "Phone")
		for _, form := range []url.Values{{"user": {"ann"}, "password": {"coffee"}}, {"user": {"eve"}}, {}} {
			if status, _, _ := b.send("/login", form); status != http.StatusUnauthorized {
				t.Errorf("%v: status %d", form, status)
			}
		}
		request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, at+"/login", strings.NewReader("user=ann&password=tea"))
		if err != nil {
			t.Fatal(err)
		}
		request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		request.Header.Set("Sec-Fetch-Site", "cross-site")
		response, err := b.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		_ = response.Body.Close()
		if response.StatusCode != http.StatusForbidden {
			t.Errorf("another site's form: status %d", response.StatusCode)
		}
		b.want("/login")
	})
}

// A browser's name is kept as far as its first 200 characters.
func TestLongName(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, at string) {
		b := newBrowser(t, at, strings.Repeat("é", 201))
		b.signIn("ann", "tea")
		if page := b.want("/", strings.Repeat("é", 200)); strings.Contains(page, b.name) {
			t.Error("the page has the whole name")
		}
	})
}
