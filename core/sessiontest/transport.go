package sessiontest

import (
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"sync"
)

// transport sends requests to where the client belongs. It keeps the session ID if a header
// carries it.
type transport struct {
	base   *url.URL
	answer func(r *http.Request) (*http.Response, error)
	header string // Options.Header

	mu sync.Mutex
	id string
}

func (t *transport) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.URL = t.base.ResolveReference(r.URL)
	if r.Host == "" {
		r.Host = r.URL.Host
	}
	if id := t.kept(); id != "" && r.Header.Get(t.header) == "" {
		r.Header.Set(t.header, id)
	}
	response, err := t.answer(r)
	if err != nil {
		return nil, err
	}
	if values := response.Header.Values(t.header); t.header != "" && len(values) > 0 {
		t.keep(values[len(values)-1])
	}
	return response, nil
}

func (t *transport) keep(id string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.id = id
}

func (t *transport) kept() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.id
}

// jar keeps cookies as if everything were HTTPS. The host of the client counts as the domain of the
// session cookie, if it has one.
type jar struct {
	http.CookieJar
	base   *url.URL
	domain string
}

func newJar(base *url.URL, domain string) *jar {
	kept, _ := cookiejar.New(nil) // it never fails
	return &jar{kept, base, strings.TrimPrefix(domain, ".")}
}

func (j *jar) SetCookies(u *url.URL, cookies []*http.Cookie) {
	j.CookieJar.SetCookies(j.at(u), cookies)
}

func (j *jar) Cookies(u *url.URL) []*http.Cookie { return j.CookieJar.Cookies(j.at(u)) }

func (j *jar) at(u *url.URL) *url.URL {
	u = j.base.ResolveReference(u)
	u.Scheme = "https"
	if u.Host == j.base.Host && j.domain != "" {
		u.Host = j.domain
	}
	return u
}
