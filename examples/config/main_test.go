package main

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/http/cookiejar"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
)

func TestRun(t *testing.T) {
	t.Parallel()
	redis := miniredis.RunT(t)
	redis.RequireAuth("key")
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := listener.Addr().String()
	_ = listener.Close()

	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() {
		ended <- run(ctx, []string{"config.yaml"}, map[string]string{
			"LISTEN": address, "REDIS_HOST": redis.Host(), "REDIS_PORT": redis.Port(), "REDIS_ACCESS_KEY": "key",
		})
	}()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	client := &http.Client{Jar: jar}
	for _, want := range []string{"visit 1\n", "visit 2\n"} {
		if got := get(t, client, "http://"+address); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	client.CloseIdleConnections()
	if len(redis.DB(2).Keys()) != 1 {
		t.Error("the session is not in database 2")
	}
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

// get polls until the program listens.
func get(t *testing.T, client *http.Client, url string) string {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		response, err := client.Get(url)
		if err != nil {
			if time.Now().After(deadline) {
				t.Fatal(err)
			}
			continue
		}
		body, err := io.ReadAll(response.Body)
		_ = response.Body.Close()
		if err != nil {
			t.Fatal(err)
		}
		return string(body)
	}
}
