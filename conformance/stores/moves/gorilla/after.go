package gorilla

import (
	"net/http"

	"github.com/boj/redistore"
	"github.com/redis/go-redis/v9"

	"github.com/berthgo/berth/adapters/gorillastore"
	"github.com/berthgo/berth/core/httpsession"
	"github.com/berthgo/berth/core/moving"
	"github.com/berthgo/berth/core/session"
)

// After returns the application with berth. Nobody is logged out.
func After(client *redis.Client, addr string, key []byte) (http.Handler, error) {
	m, err := session.New(client, session.Options{App: "shop", Cookie: session.Cookie{Name: "session"}})
	if err != nil {
		return nil, err
	}
	store, err := gorillastore.New(m)
	if err != nil {
		return nil, err
	}
	store.MaxAge(30 * 86400)                                         // 30 days, as in redistore
	old, err := redistore.NewRediStore(10, "tcp", addr, "", "", key) // as before
	if err != nil {
		return nil, err
	}
	move, err := moving.Middleware(m, gorillastore.Old(old, "session"))
	if err != nil {
		return nil, err
	}
	return move(httpsession.Middleware(m)(app{store}.routes())), nil
}
