package conformance

import (
	"bufio"
	"context"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"time"
)

// browser is a client that keeps the session cookie, and connections of its own.
type browser struct {
	site   *site
	id     string // the value of the session cookie
	client *http.Client
}

func (s *site) browser() *browser {
	transport := &http.Transport{
		DisableCompression: true,
		TLSClientConfig:    &tls.Config{RootCAs: s.roots},
	}
	s.r.Cleanup(transport.CloseIdleConnections)
	return &browser{site: s, client: &http.Client{
		Transport:     transport,
		Timeout:       s.r.patience,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// visitor returns a browser that has a session with that value.
func (s *site) visitor(path string) *browser {
	s.r.Helper()
	b := s.browser()
	b.get(path)
	if b.id == "" {
		s.r.Fatalf("GET %s gave no session cookie", path)
	}
	return b
}

// also returns another window of the browser, with the browser's present cookie.
func (b *browser) also() *browser {
	other := b.site.browser()
	other.id = b.id
	return other
}

// as returns a browser of this site that has the cookie of one of another site.
func (s *site) as(b *browser) *browser {
	other := s.browser()
	other.id = b.id
	return other
}

// answer is a response, read to its end.
type answer struct {
	status int
	header http.Header
	body   string
	cookie *http.Cookie // the session cookie that the response sets, or nil
	err    error        // there was no response, or not all of it
}

// open sends a request. More headers are name, value, name, value, … The caller reads and closes the
// body of the response.
func (b *browser) open(ctx context.Context, path string, header ...string) (*http.Response, error) {
	scheme := "http://"
	if b.site.roots != nil {
		scheme = "https://"
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, scheme+b.site.addr+path, nil)
	if err != nil {
		return nil, err
	}
	if b.id != "" {
		request.Header.Set("Cookie", b.site.cookie+"="+b.id)
	}
	for i := 0; i < len(header); i += 2 {
		request.Header.Add(header[i], header[i+1])
	}
	b.site.r.adapter.witness.saw(request.Header)
	response, err := b.client.Do(request)
	if err == nil {
		b.site.r.adapter.witness.saw(response.Header)
	}
	return response, err
}

// try is a GET. It does not keep the cookie.
func (b *browser) try(path string, header ...string) answer {
	response, err := b.open(context.Background(), path, header...)
	if err != nil {
		return answer{err: err}
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	return answer{response.StatusCode, response.Header, string(body), b.site.setCookie(response), err}
}

// get is a GET that must get a response, with any status. It keeps the cookie.
func (b *browser) get(path string, header ...string) answer {
	b.site.r.Helper()
	a := b.try(path, header...)
	if a.err != nil {
		b.site.r.Fatalf("GET %s: %v", path, a.err)
	}
	b.keep(a.cookie)
	return a
}

// start is a GET in a goroutine.
func (b *browser) start(path string, header ...string) <-chan answer {
	done := make(chan answer, 1)
	go func() { done <- b.try(path, header...) }()
	return done
}

// keep stores or deletes the cookie as a browser does.
func (b *browser) keep(c *http.Cookie) {
	switch {
	case c == nil:
	case c.MaxAge < 0:
		b.id = ""
	default:
		b.id = c.Value
	}
}

func (s *site) setCookie(response *http.Response) *http.Cookie {
	for _, c := range response.Cookies() {
		if c.Name == s.cookie {
			return c
		}
	}
	return nil
}

// finish waits for a request that was started, and keeps its cookie.
func (b *browser) finish(started <-chan answer) answer {
	b.site.r.Helper()
	a := receive(b.site.r, "a response", started)
	if a.err != nil {
		b.site.r.Fatalf("no response: %v", a.err)
	}
	b.keep(a.cookie)
	return a
}

// upgrade asks for another protocol, on a connection of its own.
func (b *browser) upgrade(path string) (net.Conn, answer) {
	r := b.site.r
	r.Helper()
	conn, err := net.Dial("tcp", b.site.addr)
	if err != nil {
		r.Fatalf("Dial: %v", err)
	}
	r.Cleanup(func() { _ = conn.Close() })
	_ = conn.SetDeadline(time.Now().Add(r.patience))
	request, err := http.NewRequestWithContext(r.Context(), http.MethodGet, "http://"+b.site.addr+path, nil)
	if err != nil {
		r.Fatalf("%v", err)
	}
	request.Header.Set("Connection", "Upgrade")
	request.Header.Set("Upgrade", "conformance")
	if b.id != "" {
		request.Header.Set("Cookie", b.site.cookie+"="+b.id)
	}
	if err := request.Write(conn); err != nil {
		r.Fatalf("the server takes no request: %v", err)
	}
	response, err := http.ReadResponse(bufio.NewReader(conn), request)
	if err != nil {
		r.Fatalf("no answer to the upgrade: %v", err)
	}
	_ = response.Body.Close() // there is no body: the other protocol follows
	r.adapter.witness.saw(request.Header)
	r.adapter.witness.saw(response.Header)
	return conn, answer{status: response.StatusCode, header: response.Header, cookie: b.site.setCookie(response)}
}
