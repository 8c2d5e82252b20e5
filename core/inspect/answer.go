package inspect

import (
	"bytes"
	_ "embed" // the pages and their style
	"encoding/json"
	"html/template"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/berthgo/berth/core/session"
)

//go:embed style.css
var style []byte

//go:embed pages.html
var source string

var templates = template.Must(template.New("").Funcs(template.FuncMap{
	"plain": plain, "short": short, "bytes": size,
	"sessionURL": func(handle string) string { return to("session", "handle", handle) },
	"ofURL":      func(principal string) string { return to("of", "principal", principal) },
	"to":         to,
	"stamp":      func(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05 UTC") },
	"iso":        func(t time.Time) string { return t.UTC().Format(time.RFC3339) },
}).Parse(source))

// to is the address of a page with one argument.
func to(page, key, value string) string {
	return page + "?" + key + "=" + strings.ReplaceAll(url.QueryEscape(value), "+", "%20")
}

// page is what the templates get.
type page struct {
	Site    string // Options.Title
	Title   string
	Current string // the name of the page
	Actions bool
	Refresh bool
	Data    any
}

func (q *request) style() {
	q.w.Header().Set("Content-Type", "text/css; charset=utf-8")
	_, _ = q.w.Write(style)
}

// answer sends a view, as a page or as JSON.
func (q *request) answer(status int, name, title string, view any) {
	if q.json {
		q.send(status, view)
		return
	}
	p := page{Site: q.options.Title, Title: title, Current: name, Actions: q.options.Actions, Data: view}
	if stats, ok := view.(statsView); ok {
		p.Refresh = !stats.Still
	}
	var b bytes.Buffer
	if err := templates.ExecuteTemplate(&b, name, p); err != nil {
		http.Error(q.w, "The page cannot be made.", http.StatusInternalServerError)
		return
	}
	q.w.Header().Set("Content-Type", "text/html; charset=utf-8")
	q.w.WriteHeader(status)
	_, _ = q.w.Write(b.Bytes())
}

// send sends a view as JSON.
func (q *request) send(status int, view any) {
	text, err := json.MarshalIndent(view, "", "  ")
	if err != nil {
		http.Error(q.w, "The answer cannot be made.", http.StatusInternalServerError)
		return
	}
	q.w.Header().Set("Content-Type", "application/json")
	q.w.WriteHeader(status)
	_, _ = q.w.Write(append(text, '\n'))
}

// failed answers an error of the Manager.
func (q *request) failed(err error) {
	status, retryAfter := session.HTTPStatus(err)
	if retryAfter > 0 {
		q.w.Header().Set("Retry-After", strconv.Itoa(retryAfter))
	}
	q.fail(status, redact(err.Error()))
}

type failure struct {
	Error string `json:"error"`
}

// fail answers with an error page.
func (q *request) fail(status int, text string) {
	q.answer(status, "error", http.StatusText(status), failure{text})
}
