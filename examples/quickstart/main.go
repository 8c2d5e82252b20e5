// Command quickstart counts a visitor's requests in a session.
package main

import (
	"fmt"
	"log"
	"net/http"

	"github.com/redis/go-redis/v9"

	"github.com/berthgo/berth/core/httpsession"
	"github.com/berthgo/berth/core/session"
)

const visits session.Key[int] = "visits"

func count(w http.ResponseWriter, r *http.Request) {
	s := session.FromContext(r.Context()) // loaded, and locked until the answer
	n := visits.GetOr(s, 0) + 1
	visits.Set(s, n)
	fmt.Fprintf(w, "visit %d\n", n) // the session is saved before the first byte
}

func main() {
	client := redis.NewClient(&redis.Options{Addr: "127.0.0.1:6379"})
	m, err := session.New(client, session.Options{App: "quickstart"})
	if err != nil {
		log.Fatal(err)
	}
	handler := httpsession.Middleware(m)(http.HandlerFunc(count))
	log.Fatal(http.ListenAndServe("127.0.0.1:8080", handler))
}
