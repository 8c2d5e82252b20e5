package main

import (
	"context"
	"errors"
	"io"
	"mime/multipart"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"

	"github.com/berthgo/berth/core/redistest"
	"github.com/berthgo/berth/core/session"
)

var realURL string // where a real Redis is, "" if there is none

func TestMain(m *testing.M) {
	redistest.Main(m, func(url string) { realURL = url }, func() error { return nil })
}

// program is one that runs, and a browser that uses it.
type program struct {
	*http.Client
	t                  *testing.T
	url, redis, folder string
	stop               func() // tells it to end
	ended              chan error
}

// onEach runs the program on miniredis, and on a real Redis if there is one. Then it ends it.
func onEach(t *testing.T, test func(p program)) {
	redises := map[string]string{"miniredis": "redis://" + miniredis.RunT(t).Addr()}
	if realURL != "" {
		redises["redis"] = realURL
	}
	for name, redis := range redises {
		t.Run(name, func(t *testing.T) {
			p := start(t, redis, time.Minute)
			defer func() {
				p.stop()
				if err := <-p.ended; err != nil {
					t.Error(err)
				}
			}()
			test(p)
		})
	}
}

// start starts the program. Whoever calls it ends it, by stop.
func start(t *testing.T, redis string, stopTime time.Duration) program {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	transport := &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	ctx, stop := context.WithCancel(context.WithoutCancel(t.Context()))
	p := program{
		// An upload that holds its session lets the page wait for longer than this.
		&http.Client{Jar: jar, Transport: transport, Timeout: 10 * time.Second},
		t, "http://" + listener.Addr().String(), redis, t.TempDir(), stop, make(chan error, 1),
	}
	go func() { p.ended <- run(ctx, listener, redis, p.folder, stopTime) }()
	return p
}

// page gets the page.
func (p program) page() string {
	p.t.Helper()
	response, err := p.Get(p.url)
	if err != nil {
		p.t.Error(err)
		return ""
	}
	return text(p.t, response)
}

func text(t *testing.T, response *http.Response) string {
	t.Helper()
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Error(err)
	}
	return string(body)
}

// upload is one that is under way.
type upload struct {
	t        *testing.T
	form     *multipart.Writer
	body     *io.PipeWriter
	file     io.Writer
	answered chan answer
}

type answer struct {
	response *http.Response
	err      error
}

// begin begins an upload, and waits until the program has read a part of it.
func (p program) begin(field, name string) upload {
	p.t.Helper()
	out, in := io.Pipe()
	u := upload{t: p.t, form: multipart.NewWriter(in), body: in, answered: make(chan answer, 1)}
	request, err := http.NewRequestWithContext(p.t.Context(), http.MethodPost, p.url+"/upload", out)
	if err != nil {
		p.t.Fatal(err)
	}
	request.Header.Set("Content-Type", u.form.FormDataContentType())
	go func() {
		response, err := p.Do(request) //nolint:bodyclose // end closes it
		u.answered <- answer{response, err}
	}()
	if u.file, err = u.form.CreateFormFile(field, name); err != nil {
		p.t.Fatal(err)
	}
	if field == "file" {
		u.write("apples and ")
		for deadline := time.Now().Add(10 * time.Second); len(p.files()) == 0; time.Sleep(5 * time.Millisecond) {
			if time.Now().After(deadline) {
				p.t.Fatal("the upload does not begin")
			}
		}
	}
	return u
}

func (u upload) write(text string) {
	u.t.Helper()
	if _, err := io.WriteString(u.file, text); err != nil {
		u.t.Error(err)
	}
}

// end sends the rest, and returns the answer.
func (u upload) end() (status int, page string) {
	u.t.Helper()
	u.write("pears")
	if err := u.form.Close(); err != nil {
		u.t.Error(err)
	}
	_ = u.body.Close()
	got := <-u.answered
	if got.err != nil {
		u.t.Fatal(got.err)
	}
	return got.response.StatusCode, text(u.t, got.response)
}

// files returns the names of those in the folder.
func (p program) files() []string {
	p.t.Helper()
	entries, err := os.ReadDir(p.folder)
	if err != nil {
		p.t.Fatal(err)
	}
	var names []string
	for _, entry := range entries {
		names = append(names, p.folder+"/"+entry.Name())
	}
	return names
}

// The page answers while an upload runs. The upload is in the list when it has ended.
func TestPageDoesNotWait(t *testing.T) {
	t.Parallel()
	onEach(t, func(p program) {
		p.page()
		u := p.begin("file", "fruit <1>.txt")
		for range 2 {
			if page := p.page(); !strings.Contains(page, "Your files") || strings.Contains(page, "fruit") {
				t.Errorf("while the upload runs, the page is\n%s", page)
			}
		}
		status, page := u.end()
		if status != http.StatusOK || !strings.Contains(page, "<li>fruit &lt;1&gt;.txt, 16 bytes") {
			t.Errorf("the answer is %d\n%s", status, page)
		}
		if content, err := os.ReadFile(p.files()[0]); err != nil || string(content) != "apples and pears" {
			t.Errorf("the file has %q (%v)", content, err)
		}
	})
}

// An upload goes on when the program is told to end.
func TestUploadFinishes(t *testing.T) {
	t.Parallel()
	onEach(t, func(p program) {
		p.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
		p.page()
		u := p.begin("file", "fruit.txt")
		p.stop()
		for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(5 * time.Millisecond) {
			if conn, err := net.Dial("tcp", strings.TrimPrefix(p.url, "http://")); err != nil {
				break
			} else if _ = conn.Close(); time.Now().After(deadline) {
				t.Fatal("the program takes connections")
			}
		}
		if status, page := u.end(); status != http.StatusSeeOther {
			t.Errorf("the answer is %d %s", status, page)
		}
	})
}

// Nothing is left of an upload whose client hangs up.
func TestClientHangsUp(t *testing.T) {
	t.Parallel()
	onEach(t, func(p program) {
		p.page()
		u := p.begin("file", "fruit.txt")
		_ = u.body.CloseWithError(errors.New("the client hangs up"))
		if got := <-u.answered; got.err == nil {
			t.Errorf("the answer is %d %s", got.response.StatusCode, text(t, got.response))
		}
		for deadline := time.Now().Add(10 * time.Second); len(p.files()) > 0; time.Sleep(5 * time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatalf("%s is left", p.files())
			}
		}
	})
}

// A disk that fails is not the visitor's fault.
func TestNoDisk(t *testing.T) {
	t.Parallel()
	onEach(t, func(p program) {
		p.page()
		if err := os.RemoveAll(p.folder); err != nil {
			t.Fatal(err)
		}
		form := "--x\r\nContent-Disposition: form-data; name=file; filename=a\r\n\r\napples\r\n--x--\r\n"
		response, err := p.Post(p.url+"/upload", "multipart/form-data; boundary=x", strings.NewReader(form))
		if err != nil {
			t.Fatal(err)
		}
		if said := text(t, response); response.StatusCode != http.StatusInternalServerError || strings.Contains(said, p.folder) {
			t.Errorf("the answer is %d %s", response.StatusCode, said)
		}
	})
}

// Nothing is left of an upload whose session ends meanwhile.
func TestSessionEndsMeanwhile(t *testing.T) {
	t.Parallel()
	onEach(t, func(p program) {
		p.page()
		u := p.begin("file", "fruit.txt")
		p.end()
		if status, page := u.end(); status != http.StatusConflict || !strings.Contains(page, "has ended meanwhile") {
			t.Errorf("the answer is %d %s", status, page)
		}
		if names := p.files(); len(names) > 0 {
			t.Errorf("%s is left", names)
		}
	})
}

// end ends the session of the browser.
func (p program) end() {
	p.t.Helper()
	m, err := session.Open(session.Config{URL: p.redis}, session.Options{App: "uploads"})
	if err != nil {
		p.t.Fatal(err)
	}
	defer m.Close()
	at, err := url.Parse(p.url)
	if err != nil {
		p.t.Fatal(err)
	}
	for _, cookie := range p.Jar.Cookies(at) {
		if err := m.End(p.t.Context(), cookie.Value); err != nil {
			p.t.Error(err)
		}
	}
}

// A visitor without a session, and a form without a file, are told so.
func TestRefused(t *testing.T) {
	t.Parallel()
	onEach(t, func(p program) {
		for _, want := range []int{http.StatusConflict, http.StatusBadRequest} {
			response, err := p.Post(p.url+"/upload", "text/plain", strings.NewReader("apples"))
			if err != nil {
				t.Fatal(err)
			}
			if text(t, response); response.StatusCode != want {
				t.Errorf("status %d, want %d", response.StatusCode, want)
			}
			p.page() // begins a session
		}
		if status, _ := p.begin("other", "fruit.txt").end(); status != http.StatusBadRequest {
			t.Errorf("another field: status %d", status)
		}
		if names := p.files(); len(names) > 0 {
			t.Errorf("%s is left", names)
		}
	})
}
