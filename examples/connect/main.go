// Command connect serves a procedure of Connect. It knows the session by its context. A handler that was made from
// a .proto file does it in the same way.
package main

import (
	"context"
	"log"
	"net/http"

	"connectrpc.com/connect"
	"github.com/redis/go-redis/v9"
	"google.golang.org/protobuf/types/known/emptypb"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/berthgo/berth/core/httpsession"
	"github.com/berthgo/berth/core/session"
)

const visits session.Key[int64] = "visits"

const path = "/shop.v1.Visitors/Count" // of the procedure

// count counts the calls of a session.
func count(ctx context.Context, _ *connect.Request[emptypb.Empty]) (*connect.Response[wrapperspb.Int64Value], error) {
	s := session.FromContext(ctx)
	n := visits.GetOr(s, 0) + 1
	visits.Set(s, n) // the session is saved before the first byte
	return connect.NewResponse(wrapperspb.Int64(n)), nil
}

func newHandler(m *session.Manager) http.Handler {
	mux := http.NewServeMux()
	mux.Handle(path, connect.NewUnaryHandler(path, count))
	return httpsession.Middleware(m)(mux)
}

func main() {
	client := redis.NewClient(&redis.Options{Addr: "127.0.0.1:6379"})
	m, err := session.New(client, session.Options{App: "connect"})
	if err != nil {
		log.Fatal(err)
	}
	log.Fatal(http.ListenAndServe("127.0.0.1:8080", newHandler(m)))
}
