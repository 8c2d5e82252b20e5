package main

import (
	"encoding/json"
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/berthgo/berth/core/session"
	"github.com/berthgo/berth/core/sessiontest"
)

// post adds an item to the cart of a client, and returns the status.
func post(t *testing.T, client *sessiontest.Client, item string) int {
	t.Helper()
	response, err := client.Post("/cart", "application/json", strings.NewReader(fmt.Sprintf(`{"item": %q}`, item)))
	if err != nil {
		t.Error(err)
		return 0
	}
	defer response.Body.Close()
	return response.StatusCode
}

// cartOf returns what the API says is in the cart.
func cartOf(t *testing.T, client *sessiontest.Client) []string {
	t.Helper()
	response, err := client.Get("/cart")
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	var body struct{ Items []string }
	if err := json.NewDecoder(response.Body).Decode(&body); err != nil || response.StatusCode != http.StatusOK {
		t.Fatalf("the answer is %d (%v)", response.StatusCode, err)
	}
	return body.Items
}

// Operations read and change the session. Requests of one session take turns, so no item is lost.
func TestCart(t *testing.T) {
	t.Parallel()
	sessions := sessiontest.New(t, session.Options{})
	client := sessions.Client(newHandler(sessions.Manager))
	if got := cartOf(t, client); len(got) != 0 || client.Cookie() != nil {
		t.Errorf("a visitor has %v, and a cookie: %v", got, client.Cookie() != nil)
	}
	if status := post(t, client, "tea"); status != http.StatusOK || client.Cookie() == nil {
		t.Fatalf("the answer is %d", status)
	}
	var all sync.WaitGroup
	for n := range 8 {
		all.Go(func() { post(t, client, fmt.Sprint("cup ", n)) })
	}
	all.Wait()
	if got := cartOf(t, client); len(got) != 9 || got[0] != "tea" {
		t.Errorf("the cart is %q", got)
	}
	if saved := items.GetOr(sessions.Session(client.Cookie()), nil); len(saved) != 9 {
		t.Errorf("the session has %q", saved)
	}
}

// An input that Huma refuses changes nothing. If Redis fails, the client does not hear that it was saved.
func TestCartRefuses(t *testing.T) {
	t.Parallel()
	sessions := sessiontest.New(t, session.Options{})
	server := httptest.NewUnstartedServer(newHandler(sessions.Manager))
	server.Config.ErrorLog = log.New(t.Output(), "", 0)
	server.Start()
	t.Cleanup(server.Close)
	client := sessions.ClientAt(server.URL)
	if status := post(t, client, ""); status != http.StatusUnprocessableEntity || client.Cookie() != nil {
		t.Errorf("the answer to an empty item is %d, with a cookie: %v", status, client.Cookie() != nil)
	}
	sessions.FailRedis()
	if status := post(t, client, "tea"); status != http.StatusServiceUnavailable || client.Cookie() != nil {
		t.Errorf("while Redis fails, the answer is %d, with a cookie: %v", status, client.Cookie() != nil)
	}
}
