package gorillastore

import (
	"net/http"
	"slices"
	"strings"

	"github.com/gorilla/sessions"

	"github.com/berthgo/berth/core/session"
)

// request is what berth reads of a request: the cookies of one name are those of the Manager.
type request struct {
	http.Header
	cookies []string
}

var (
	_ session.Headers = request{}
	_ session.Headers = response{}
)

// Values returns the lines of a header.
func (r request) Values(name string) []string {
	if name == "Cookie" {
		return r.cookies
	}
	return r.Header.Values(name)
}

// cookies returns the session IDs that a request has under a name.
func cookies(r *http.Request, name string) []string {
	var ids []string
	for _, c := range r.CookiesNamed(name) {
		ids = append(ids, c.Value)
	}
	return ids
}

// requestOf is what berth reads of r, with these session IDs.
func (s *Store) requestOf(r *http.Request, ids ...string) session.Request {
	headers := request{Header: r.Header}
	for _, id := range ids {
		headers.cookies = append(headers.cookies, s.manager.Adapter().CookieName()+"="+id)
	}
	of := session.Request{Headers: headers, Method: r.Method, Host: r.Host}
	if r.URL != nil {
		of.Path, of.RawPath = r.URL.Path, r.URL.RawPath
	}
	return of
}

// response is what berth writes into a response: the Manager's cookie gets a name and options.
type response struct {
	http.Header
	name    string
	options sessions.Options
}

// Add adds a line to a header.
func (w response) Add(header, line string) {
	if header != "Set-Cookie" {
		w.Header.Add(header, line)
		return
	}
	berths, err := http.ParseSetCookie(line)
	if err != nil {
		return // berth writes none that is wrong
	}
	// Of one name, the last counts.
	w.Header[header] = append(slices.DeleteFunc(w.Header[header], func(line string) bool {
		return strings.HasPrefix(line, w.name+"=")
	}), setCookie(berths, w.name, w.options))
}

// setCookie returns the line of a cookie. What the options do not say is as in berth's own cookie. It
// comes last: readers of Set-Cookie that only split it find what the options say where other stores of
// gorilla/sessions have it.
func setCookie(berths *http.Cookie, name string, o sessions.Options) string {
	o.MaxAge = berths.MaxAge
	line := sessions.NewCookie(name, berths.Value, &o).String()
	if o.Path == "" {
		line += "; Path=" + berths.Path
	}
	if o.Domain == "" && berths.Domain != "" {
		line += "; Domain=" + berths.Domain
	}
	if !o.HttpOnly {
		line += "; HttpOnly"
	}
	if !o.Secure && (berths.Secure || o.Partitioned || o.SameSite == http.SameSiteNoneMode) {
		line += "; Secure"
	}
	if o.SameSite == 0 || o.SameSite == http.SameSiteDefaultMode {
		if rule := (&http.Cookie{Name: name, SameSite: berths.SameSite}).String(); strings.Contains(rule, "; ") {
			line += strings.TrimPrefix(rule, name+"=")
		}
	}
	if !o.Partitioned && berths.Partitioned {
		line += "; Partitioned"
	}
	return line
}
