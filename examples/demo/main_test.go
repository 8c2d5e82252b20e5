package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/rand"
	"io"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/logging"
	"go.uber.org/goleak"

	"github.com/berthgo/berth/core/redistest"
)

// childEnv turns the test binary into the demo.
const childEnv = "DEMO_TEST_CHILD"

// realURL is where a real Redis is, "" if there is none.
var realURL string

func TestMain(m *testing.M) {
	if os.Getenv(childEnv) != "" {
		main()
		return
	}
	logging.Disable() // as main does
	redistest.Main(m, func(url string) { realURL = url }, func() error {
		// fasthttp's own end by themselves, seconds after its server.
		return goleak.Find(
			goleak.IgnoreAnyFunction("github.com/valyala/fasthttp.(*workerPool).Start.func2"),
			goleak.IgnoreAnyFunction("github.com/valyala/fasthttp.updateServerDate.func1"))
	})
}

// demo is a demo that runs.
type demo struct {
	url   string
	redis string // what it says about its Redis
	app   string
	stop  func() error // ends it, and returns what run did
}

// start runs the demo with these settings on a free port, until the test ends.
func start(t *testing.T, env map[string]string) *demo {
	t.Helper()
	d := &demo{app: "demo-" + strings.ToLower(rand.Text())}
	ctx, cancel := context.WithCancel(context.Background())
	settings := map[string]string{"PORT": "0", "APP": d.app, "INSTANCE": "test"}
	for name, value := range env {
		settings[name] = value
	}
	out, in := io.Pipe()
	ended := make(chan error, 1)
	go func() {
		err := run(ctx, func(name string) string { return settings[name] }, in)
		in.Close()
		ended <- err
	}()
	d.stop = sync.OnceValue(func() error {
		cancel()
		return <-ended
	})
	t.Cleanup(func() {
		if err := d.stop(); err != nil {
			t.Error(err)
		}
	})
	d.url, d.redis = addresses(t, out)
	return d
}

// clientOf is a client of the Redis of a demo, which is embedded, or of kind "redis".
func clientOf(t *testing.T, d *demo, kind string) *redis.Client {
	t.Helper()
	options := &redis.Options{}
	if kind == "redis" {
		var err error
		if options, err = redis.ParseURL(realURL); err != nil {
			t.Fatal(err)
		}
	} else {
		options.Addr, _, _ = strings.Cut(d.redis, ",")
	}
	client := redis.NewClient(options)
	t.Cleanup(func() { _ = client.Close() })
	return client
}

// addresses reads what a demo says at its start, and goes on reading.
func addresses(t *testing.T, out io.Reader) (shop, redis string) {
	t.Helper()
	lines := bufio.NewScanner(out)
	for redis == "" && lines.Scan() {
		if rest, ok := strings.CutPrefix(lines.Text(), "shop:  "); ok {
			shop, _, _ = strings.Cut(rest, " ")
		}
		if rest, ok := strings.CutPrefix(lines.Text(), "Redis: "); ok {
			redis = rest
		}
	}
	if redis == "" {
		t.Fatal("the demo ended before it said where it is")
	}
	go func() { _, _ = io.Copy(io.Discard, out) }()
	return shop, redis
}

// visitor is a client with a cookie jar.
type visitor struct {
	t    *testing.T
	http *http.Client
	jar  http.CookieJar
	url  string
}

func newVisitor(t *testing.T, url string) *visitor {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	transport := &http.Transport{MaxConnsPerHost: 32}
	t.Cleanup(transport.CloseIdleConnections)
	return &visitor{t, &http.Client{
		Transport:     transport,
		Jar:           jar,
		Timeout:       20 * time.Second,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}, jar, url}
}

// response is a response whose body was read.
type response struct {
	status int
	header http.Header
	body   string
}

// do sends a request. A form that is not nil is the body.
func (v *visitor) do(method, path string, form url.Values, header ...string) response {
	v.t.Helper()
	r, err := v.try(v.t.Context(), method, path, form, header...)
	if err != nil {
		v.t.Fatal(err)
	}
	return r
}

func (v *visitor) try(ctx context.Context, method, path string, form url.Values, header ...string) (response, error) {
	posted := form.Encode()
	if raw, ok := form[""]; ok {
		posted = raw[0] // sent as it is, for a body that no encoder makes
	}
	req, err := http.NewRequestWithContext(ctx, method, v.url+path, strings.NewReader(posted))
	if err != nil {
		return response{}, err
	}
	if form != nil {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	for i := 0; i < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	res, err := v.http.Do(req)
	if err != nil {
		return response{}, err
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	return response{res.StatusCode, res.Header, string(body)}, err
}

// sessionID is the cookie that the visitor has, "" if none.
func (v *visitor) sessionID() string {
	v.t.Helper()
	u, err := url.Parse(v.url)
	if err != nil {
		v.t.Fatal(err)
	}
	for _, c := range v.jar.Cookies(u) {
		if c.Name == "session" {
			return c.Value
		}
	}
	return ""
}

func item(name string) url.Values { return url.Values{"item": {name}} }

func wantBody(t *testing.T, r response, status int, body string) {
	t.Helper()
	if r.status != status || r.body != body+"\n" {
		t.Fatalf("answer is %d %swant %d %s", r.status, r.body, status, body)
	}
}

// until polls until a condition holds.
func until(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); !ok(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("never: %s", what)
		}
	}
}

// child is the demo as a process of its own, which ends within a minute.
func child(t *testing.T, env ...string) (cmd *exec.Cmd, stderr *bytes.Buffer) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	t.Cleanup(cancel)
	cmd = exec.CommandContext(ctx, os.Args[0])
	cmd.Env = append(os.Environ(), append([]string{childEnv + "=1", "REDIS_URL=", "FRAMEWORK="}, env...)...)
	stderr = &bytes.Buffer{}
	cmd.Stderr = stderr
	return cmd, stderr
}

// closedPort is a port at which nothing listens.
func closedPort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	_, port, err := net.SplitHostPort(l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	return port
}
