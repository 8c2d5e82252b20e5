package sessiontest

import (
	"crypto/tls"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
)

// Client is an HTTP client that keeps cookies, as a browser does. Its URLs may leave out the scheme and
// the host, as in Get("/cart"). It follows redirects, unless CheckRedirect says otherwise.
//
// It keeps and sends Secure cookies over plain HTTP too, __Host- cookies among them. With
// Options.Header it keeps the session ID in that header.
type Client struct {
	*http.Client
	sessions  *Sessions
	transport *transport
}

// Client returns a client of a handler, such as a mux, a *gin.Engine or an *echo.Echo, that sends these
// cookies first. It calls the handler in the goroutine of the request, without a network; the
// request is that of HTTPS to localhost, or to the Domain of Options.Cookie. A panic of the
// handler reaches the test.
func (s *Sessions) Client(handler http.Handler, cookies ...*http.Cookie) *Client {
	s.t.Helper()
	return s.ClientFunc(func(r *http.Request) (*http.Response, error) { return serve(handler, r), nil }, cookies...)
}

// ClientFunc is [Sessions.Client] for a function that answers requests, such as Test of Fiber's App.
// The function must not close the response's body.
func (s *Sessions) ClientFunc(answer func(r *http.Request) (*http.Response, error), cookies ...*http.Cookie) *Client {
	s.t.Helper()
	host := "localhost"
	if domain := strings.TrimPrefix(s.options.Cookie.Domain, "."); domain != "" {
		host = domain
	}
	return s.newClient(&url.URL{Scheme: "https", Host: host}, answer, cookies)
}

// ClientAt is [Sessions.Client] for a server that listens at a URL, such as that of an
// [httptest.Server]. It closes its connections when the test ends.
func (s *Sessions) ClientAt(base string, cookies ...*http.Cookie) *Client {
	s.t.Helper()
	at, err := url.Parse(base)
	if err != nil || at.Host == "" {
		s.t.Fatalf("sessiontest: ClientAt(%q): it must be a URL such as http://127.0.0.1:8080", base)
	}
	network := &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}} //nolint:gosec // a server of the test has a certificate of its own
	s.t.Cleanup(network.CloseIdleConnections)
	return s.newClient(at, network.RoundTrip, cookies)
}

func (s *Sessions) newClient(base *url.URL, answer func(r *http.Request) (*http.Response, error), cookies []*http.Cookie) *Client {
	s.t.Helper()
	jar := newJar(base, s.options.Cookie.Domain)
	through := &transport{base: base, answer: answer, header: s.options.Header}
	for _, cookie := range cookies {
		if cookie == nil {
			s.t.Fatalf("sessiontest: a client was given a nil cookie; leave it out if there is none")
		}
		if through.header != "" && cookie.Name == through.header {
			through.keep(cookie.Value)
		}
	}
	if through.header == "" {
		jar.SetCookies(base, cookies)
	}
	return &Client{&http.Client{Transport: through, Jar: jar}, s, through}
}

// Cookie returns the session cookie that the client has, nil if it has none. It has the Name and the
// Value alone.
func (c *Client) Cookie() *http.Cookie {
	name := c.sessions.cookieName()
	if c.sessions.options.Header != "" {
		if id := c.transport.kept(); id != "" {
			return &http.Cookie{Name: name, Value: id}
		}
		return nil
	}
	at := *c.transport.base
	at.Path = c.sessions.options.Cookie.Path
	for _, cookie := range c.Jar.Cookies(&at) {
		if cookie.Name == name {
			return cookie
		}
	}
	return nil
}

// serve answers a client's request by a handler, which gets it as from a server.
func serve(handler http.Handler, r *http.Request) *http.Response {
	in := r.Clone(r.Context())
	in.RequestURI, in.RemoteAddr = r.URL.RequestURI(), "127.0.0.1:1234"
	in.URL.Scheme, in.URL.Host = "", ""
	if in.Body == nil {
		in.Body = http.NoBody
	}
	defer in.Body.Close()
	if r.URL.Scheme == "https" {
		in.TLS = &tls.ConnectionState{Version: tls.VersionTLS13, HandshakeComplete: true, ServerName: r.URL.Hostname()}
	}
	w := recorder{httptest.NewRecorder()}
	handler.ServeHTTP(w, in)
	response := w.Result()
	response.Request = r
	return response
}

// recorder is a response that Gin's Stream can write.
type recorder struct{ *httptest.ResponseRecorder }

// CloseNotify never tells: this client does not go away. Gin's Stream panics without it.
func (recorder) CloseNotify() <-chan bool { return nil }
