package main

import (
	"io"
	"net/http"
	"testing"

	"github.com/berthgo/berth/core/httpsession"
	"github.com/berthgo/berth/core/session"
	"github.com/berthgo/berth/core/sessiontest"
)

func TestCount(t *testing.T) {
	t.Parallel()
	sessions := sessiontest.New(t, session.Options{})
	browser := sessions.Client(httpsession.Middleware(sessions.Manager)(http.HandlerFunc(count)))
	for _, want := range []string{"visit 1\n", "visit 2\n", "visit 3\n"} {
		response, err := browser.Get("/")
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(response.Body)
		_ = response.Body.Close()
		if err != nil || string(body) != want {
			t.Errorf("the answer is %q, want %q (%v)", body, want, err)
		}
	}
}
