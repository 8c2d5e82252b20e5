package target

import (
	"net/http"

	"github.com/boj/redistore"
)

const gorillaName = "session"

// startGorilla is gorilla/sessions with redistore, the store that gin-contrib has too.
func startGorilla(e env) (*application, error) {
	store, err := redistore.NewRediStoreWithPool(redigoPool(e), signingKey)
	if err != nil {
		return nil, err
	}
	store.SetMaxLength(0) // by default no session may exceed 4096 bytes
	store.SetKeyPrefix("gorilla_")
	h := handlers{
		fill: func(w http.ResponseWriter, r *http.Request, c content) error {
			s, err := store.Get(r, gorillaName)
			if err != nil {
				return err
			}
			s.Values[number] = 0
			c.each(func(key, value string) { s.Values[key] = value })
			if err := s.Save(r, w); err != nil {
				return err
			}
			reply(w, 0, c.size)
			return nil
		},
		read: func(w http.ResponseWriter, r *http.Request) error {
			s, err := store.Get(r, gorillaName)
			if err != nil {
				return err
			}
			n, err := asInt(s.Values[number])
			if err != nil {
				return err
			}
			f, err := asString(s.Values[first])
			if err != nil {
				return err
			}
			reply(w, n, len(f))
			return nil
		},
		change: func(w http.ResponseWriter, r *http.Request) error {
			s, err := store.Get(r, gorillaName)
			if err != nil {
				return err
			}
			n, err := asInt(s.Values[number])
			if err != nil {
				return err
			}
			n++
			s.Values[number] = n
			if err := s.Save(r, w); err != nil {
				return err
			}
			reply(w, n, 0)
			return nil
		},
	}
	return &application{handler: h.mux(), close: func() { _ = store.Close() }}, nil
}
