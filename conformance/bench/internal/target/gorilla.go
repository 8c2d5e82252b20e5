package target

import (
	"net/http"

	"github.com/boj/redistore"
	"github.com/gorilla/sessions"
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
			n, size, err := gorillaRead(s)
			if err != nil {
				return err
			}
			reply(w, n, size)
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
		rotate: func(w http.ResponseWriter, r *http.Request, user string) error {
			s, err := store.Get(r, gorillaName)
			if err != nil {
				return err
			}
			n, size, err := gorillaRotate(w, r, s, user)
			if err != nil {
				return err
			}
			reply(w, n, size)
			return nil
		},
	}
	return &application{handler: h.mux(), close: func() { _ = store.Close() }}, nil
}

func gorillaRead(s *sessions.Session) (n, size int, err error) {
	n, err = asInt(s.Values[number])
	if err != nil {
		return 0, 0, err
	}
	f, err := asString(s.Values[first])
	return n, len(f), err
}

// gorillaRotate does what applications do, as gorilla/sessions has no call for it: redistore
// deletes a session whose MaxAge is negative, and gives a new ID to one that has none.
// Of the two cookies in the response the second counts.
func gorillaRotate(w http.ResponseWriter, r *http.Request, s *sessions.Session, user string) (n, size int, err error) {
	maxAge := s.Options.MaxAge
	s.Options.MaxAge = -1
	if err := s.Save(r, w); err != nil {
		return 0, 0, err
	}
	s.Options.MaxAge, s.ID = maxAge, ""
	if user != "" {
		s.Values[owner] = user
	}
	if err := s.Save(r, w); err != nil {
		return 0, 0, err
	}
	return gorillaRead(s)
}
