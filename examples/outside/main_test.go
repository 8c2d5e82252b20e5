package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/coder/websocket"

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
	t     *testing.T
	url   string
	m     *session.Manager // of another process of the application
	stop  func()           // tells it to end
	ended func() error     // waits for that
}

// onEach runs the program on miniredis, and on a real Redis if there is one. Then it ends it.
func onEach(t *testing.T, test func(p program)) {
	onEachFor(t, time.Minute, test)
}

// onEachFor is onEach with a program that gives requests and jobs a time to finish.
func onEachFor(t *testing.T, stopTime time.Duration, test func(p program)) {
	redises := map[string]string{"miniredis": "redis://" + miniredis.RunT(t).Addr()}
	if realURL != "" {
		redises["redis"] = realURL
	}
	for name, redis := range redises {
		t.Run(name, func(t *testing.T) {
			m, err := session.Open(session.Config{URL: redis}, session.Options{App: "outside"})
			if err != nil {
				t.Fatal(err)
			}
			defer m.Close()
			listener, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			jar, err := cookiejar.New(nil)
			if err != nil {
				t.Fatal(err)
			}
			transport := &http.Transport{}
			defer transport.CloseIdleConnections()
			ctx, stop := context.WithCancel(context.WithoutCancel(t.Context()))
			result := make(chan error, 1)
			go func() { result <- run(ctx, listener, redis, stopTime) }()
			ended := sync.OnceValue(func() error { return <-result })
			defer func() {
				stop()
				if err := ended(); err != nil {
					t.Error(err)
				}
			}()
			test(program{&http.Client{Jar: jar, Transport: transport}, t, "http://" + listener.Addr().String(), m, stop, ended})
		})
	}
}

func (p program) send(method, path string) (status int, said string) {
	p.t.Helper()
	request, err := http.NewRequestWithContext(p.t.Context(), method, p.url+path, nil)
	if err != nil {
		p.t.Fatal(err)
	}
	response, err := p.Do(request)
	if err != nil {
		p.t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		p.t.Fatal(err)
	}
	return response.StatusCode, string(body)
}

// dial opens the socket, and returns the status of the answer.
func (p program) dial() (*websocket.Conn, int) {
	p.t.Helper()
	//nolint:bodyclose // "You never need to close resp.Body yourself."
	conn, response, err := websocket.Dial(p.t.Context(), p.url+"/socket", &websocket.DialOptions{HTTPClient: p.Client})
	if response == nil {
		p.t.Fatal(err)
	}
	if err == nil {
		p.t.Cleanup(func() { _ = conn.CloseNow() })
	}
	return conn, response.StatusCode
}

// say sends a message, and returns the answer.
func (p program) say(conn *websocket.Conn, message string) (string, error) {
	p.t.Helper()
	if err := conn.Write(p.t.Context(), websocket.MessageText, []byte(message)); err != nil {
		return "", err
	}
	_, answer, err := conn.Read(p.t.Context())
	return string(answer), err
}

// id returns the session ID that the browser has.
func (p program) id() string {
	p.t.Helper()
	at, err := url.Parse(p.url)
	if err != nil {
		p.t.Fatal(err)
	}
	cookies := p.Jar.Cookies(at)
	if len(cookies) != 1 {
		p.t.Fatalf("the browser has %d cookies", len(cookies))
	}
	return cookies[0].Value
}

// wantPage polls until the page says something.
func (p program) wantPage(text string) {
	p.t.Helper()
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		_, page := p.send("GET", "/")
		if strings.Contains(page, text) {
			return
		}
		if time.Now().After(deadline) {
			p.t.Fatalf("the page does not say %q:\n%s", text, page)
		}
	}
}

// Messages of two sockets are in the session, none is lost, and a job moves them.
func TestMessagesAndJob(t *testing.T) {
	t.Parallel()
	onEach(t, func(p program) {
		p.send("GET", "/")
		first, _ := p.dial()
		second, _ := p.dial()
		for n := 1; n < 7; n += 2 {
			for i, conn := range []*websocket.Conn{first, second} {
				got, err := p.say(conn, fmt.Sprintf("<wish> %d", n+i))
				if want := fmt.Sprintf("%d wishes", n+i); got != want || err != nil {
					t.Errorf("the answer is %q, want %q (%v)", got, want, err)
				}
			}
		}
		p.wantPage("<li>&lt;wish&gt; 1</li><li>&lt;wish&gt; 2</li>")
		if status, said := p.send("POST", "/order"); status != http.StatusAccepted {
			t.Errorf("the order: %d %s", status, said)
		}
		p.wantPage(`<ul id="wishes"></ul>`)
		p.wantPage("<ul><li>&lt;wish&gt; 1</li>")
		if got, err := p.say(first, "one more"); got != "1 wishes" || err != nil {
			t.Errorf("the answer is %q (%v)", got, err)
		}
		_, _ = first.CloseNow(), second.CloseNow() // or else the program waits for their close frames
	})
}

// A socket whose session has ended is closed at its next message. Without a session there is neither a socket nor an order.
func TestNoSession(t *testing.T) {
	t.Parallel()
	onEach(t, func(p program) {
		if _, status := p.dial(); status != http.StatusUnauthorized {
			t.Errorf("a socket without a session: status %d", status)
		}
		if status, _ := p.send("POST", "/order"); status != http.StatusConflict {
			t.Errorf("an order without a session: status %d", status)
		}
		p.send("GET", "/")
		conn, _ := p.dial()
		if err := p.m.End(t.Context(), p.id()); err != nil {
			t.Fatal(err)
		}
		_, err := p.say(conn, "tea")
		var closed websocket.CloseError
		if !errors.As(err, &closed) || closed.Code != over || !strings.Contains(closed.Reason, "has ended") {
			t.Errorf("the socket ended with %v, want %d", err, over)
		}
	})
}

// When the program is told to end, a job that it has taken is done, and sockets are closed.
func TestJobsFinish(t *testing.T) {
	t.Parallel()
	onEach(t, func(p program) {
		p.send("GET", "/")
		conn, _ := p.dial()
		if _, err := p.say(conn, "tea"); err != nil {
			t.Fatal(err)
		}
		err := p.m.Do(t.Context(), p.id(), session.Exclusive, func(*session.Session) error { // the job has to wait
			p.send("POST", "/order")
			p.stop()
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
			defer cancel()
			_, _, err := conn.Read(ctx)
			if websocket.CloseStatus(err) != websocket.StatusGoingAway {
				t.Errorf("the socket ended with %v", err)
			}
			return nil
		})
		if err != nil {
			t.Error(err)
		}
		if err := p.ended(); err != nil {
			t.Error(err)
		}
		err = p.m.Do(t.Context(), p.id(), session.Peek, func(s *session.Session) error {
			if got := orders.GetOr(s, nil); len(got) != 1 {
				t.Errorf("the orders are %q", got)
			}
			return nil
		})
		if err != nil {
			t.Error(err)
		}
	})
}
