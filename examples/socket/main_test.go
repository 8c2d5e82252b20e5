package main

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/coder/websocket"
	"github.com/redis/go-redis/v9"

	"github.com/berthgo/berth/core/redistest"
	"github.com/berthgo/berth/core/session"
)

var realURL string // where a real Redis is, "" if there is none

func TestMain(m *testing.M) {
	redistest.Main(m, func(url string) { realURL = url }, func() error { return nil })
}

// visitor is a browser with its cookies, and the address of a server.
type visitor struct {
	*http.Client
	t   *testing.T
	url string
}

// servers returns two processes of the program, and a visitor who sees the first.
func servers(t *testing.T) (first, second *session.Manager, v visitor, elsewhere string) {
	t.Helper()
	addr := miniredis.RunT(t).Addr()
	start := func() (*session.Manager, string) {
		client := redis.NewClient(&redis.Options{Addr: addr})
		t.Cleanup(func() { _ = client.Close() })
		m, err := session.New(client, session.Options{App: "socket"})
		if err != nil {
			t.Fatal(err)
		}
		server := httptest.NewServer(handler(m, new(sockets)))
		t.Cleanup(server.Close)
		t.Cleanup(func() { _ = m.Close() })
		return m, server.URL
	}
	first, url := start()
	second, elsewhere = start()
	return first, second, newVisitor(t, url), elsewhere
}

func newVisitor(t *testing.T, url string) visitor {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	transport := &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	return visitor{&http.Client{Jar: jar, Transport: transport}, t, url}
}

func (v visitor) post(url string) {
	v.t.Helper()
	response, err := v.Post(url, "", nil)
	if err != nil {
		v.t.Fatal(err)
	}
	_ = response.Body.Close()
	if response.StatusCode != http.StatusOK {
		v.t.Fatalf("POST %s: status %d", url, response.StatusCode)
	}
}

// dial asks for a socket, and returns the status of the answer.
func (v visitor) dial() (*websocket.Conn, int, error) {
	v.t.Helper()
	//nolint:bodyclose // "You never need to close resp.Body yourself."
	conn, response, err := websocket.Dial(v.t.Context(), v.url+"/socket", &websocket.DialOptions{HTTPClient: v.Client})
	if response == nil {
		return nil, 0, err
	}
	return conn, response.StatusCode, err
}

// open opens a socket, and waits for its first message.
func (v visitor) open() *websocket.Conn {
	v.t.Helper()
	conn, status, err := v.dial()
	if err != nil {
		v.t.Fatalf("no socket: %v (%d)", err, status)
	}
	v.t.Cleanup(func() { _ = conn.CloseNow() })
	if _, text, err := conn.Read(v.t.Context()); err != nil {
		v.t.Fatalf("the socket says %q (%v)", text, err)
	}
	return conn
}

// wantClosed reads until the socket is closed.
func wantClosed(t *testing.T, conn *websocket.Conn, reason session.Reason) {
	t.Helper()
	wantCode(t, conn, signedOut, (&session.EndedError{Reason: reason}).Error())
}

func wantCode(t *testing.T, conn *websocket.Conn, code websocket.StatusCode, want string) {
	t.Helper()
	var err error
	for start := time.Now(); err == nil; {
		if _, _, err = conn.Read(t.Context()); time.Since(start) > 30*time.Second {
			t.Fatal("the socket goes on")
		}
	}
	var closed websocket.CloseError
	if !errors.As(err, &closed) || closed.Code != code || closed.Reason != want {
		t.Errorf("the socket ended with %v, want %d %s", err, code, want)
	}
}

// A visitor logs in and opens two sockets. A logout at another process closes both, with the reason.
func TestLogoutElsewhere(t *testing.T) {
	t.Parallel()
	_, _, v, elsewhere := servers(t)
	v.post(v.url + "/login")
	one, two := v.open(), v.open()
	v.post(elsewhere + "/logout") // cookies do not know ports
	wantClosed(t, one, session.Abandoned)
	wantClosed(t, two, session.Abandoned)
	if _, status, err := v.dial(); err == nil || status != http.StatusUnauthorized {
		t.Errorf("a visitor who has logged out gets %d (%v)", status, err)
	}
}

// An operator ends all sessions of a user.
func TestEndedByAnOperator(t *testing.T) {
	t.Parallel()
	_, operator, v, _ := servers(t)
	v.post(v.url + "/login")
	conn := v.open()
	if n, err := operator.EndAll(t.Context(), "ann"); err != nil || n != 1 {
		t.Fatalf("%d sessions were ended (%v)", n, err)
	}
	wantClosed(t, conn, session.Operator)
}

// The whole program: a visitor logs in and out, and has a socket when the program ends.
func TestRun(t *testing.T) {
	t.Parallel()
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
			go func() { ended <- run(ctx, listener, redis, time.Minute) }()
			v := newVisitor(t, "http://"+listener.Addr().String())
			v.post(v.url + "/login")
			conn := v.open()
			v.post(v.url + "/logout")
			wantClosed(t, conn, session.Abandoned)

			v.post(v.url + "/login")
			conn = v.open()
			stop()
			wantCode(t, conn, websocket.StatusGoingAway, session.ErrClosed.Error())
			if err := <-ended; err != nil {
				t.Error(err)
			}
		})
	}
}
