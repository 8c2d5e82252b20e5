package target

import (
	"net/http"
	"time"

	"github.com/alexedwards/scs/goredisstore"
	"github.com/alexedwards/scs/v2"
	"github.com/redis/go-redis/v9"
)

// startSCS is scs as its README sets it up: a session ends a day after it began, however
// often it is used, so that reading it writes nothing.
func startSCS(e env) (*application, error) {
	client := e.client()
	m := newSCS(client)
	return &application{handler: m.LoadAndSave(scsHandlers(m).mux()), close: closing(client)}, nil
}

// startSCSSliding has an idle timeout, as berth and most others have by default. scs
// then writes the whole session at every request that comes with one.
func startSCSSliding(e env) (*application, error) {
	client := e.client()
	m := newSCS(client)
	m.IdleTimeout = 20 * time.Minute
	return &application{handler: m.LoadAndSave(scsHandlers(m).mux()), close: closing(client)}, nil
}

func newSCS(client *redis.Client) *scs.SessionManager {
	m := scs.New()
	m.Store = goredisstore.New(client)
	return m
}

func closing(client *redis.Client) func() { return func() { _ = client.Close() } }

func scsHandlers(m *scs.SessionManager) handlers {
	read := func(w http.ResponseWriter, r *http.Request) error {
		ctx := r.Context()
		reply(w, m.GetInt(ctx, number), len(m.GetString(ctx, first)))
		return nil
	}
	return handlers{
		fill: func(w http.ResponseWriter, r *http.Request, c content) error {
			ctx := r.Context()
			m.Put(ctx, number, 0)
			c.each(func(key, value string) { m.Put(ctx, key, value) })
			reply(w, 0, c.size)
			return nil
		},
		read: read,
		change: func(w http.ResponseWriter, r *http.Request) error {
			ctx := r.Context()
			n := m.GetInt(ctx, number) + 1
			m.Put(ctx, number, n)
			reply(w, n, 0)
			return nil
		},
		rotate: func(w http.ResponseWriter, r *http.Request, user string) error {
			ctx := r.Context()
			if err := m.RenewToken(ctx); err != nil {
				return err
			}
			if user != "" {
				m.Put(ctx, owner, user)
			}
			return read(w, r)
		},
	}
}
