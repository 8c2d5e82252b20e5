package target

import (
	"bytes"
	"crypto/rand"
	"errors"
	"net/http"
	"strconv"
	"time"

	"github.com/redis/go-redis/v9"
)

const floorTimeout = 20 * time.Minute

// startGetSet keeps the values in one string, so that all it costs is the calls: GET to
// read, GET and SET to change, GET, SET and DEL to rotate, and no call without a cookie.
func startGetSet(e env) (*application, error) {
	client := e.client()
	create := func(w http.ResponseWriter, r *http.Request, value []byte) error {
		id := rand.Text()
		if err := client.Set(r.Context(), "floor_"+id, value, floorTimeout).Err(); err != nil {
			return err
		}
		http.SetCookie(w, &http.Cookie{Name: "session", Value: id, Path: "/", HttpOnly: true})
		return nil
	}
	h := handlers{
		fill: func(w http.ResponseWriter, r *http.Request, c content) error {
			value := appendReply(nil, 0, c.size)
			value = append(value, ' ')
			c.each(func(_, f string) { value = append(value, f...) })
			if err := create(w, r, value); err != nil {
				return err
			}
			reply(w, 0, c.size)
			return nil
		},
		read: func(w http.ResponseWriter, r *http.Request) error {
			cookie, err := r.Cookie("session")
			if err != nil {
				reply(w, 0, 0)
				return nil
			}
			value, err := client.Get(r.Context(), "floor_"+cookie.Value).Bytes()
			if err != nil {
				return err
			}
			n, size, err := cutNumbers(value)
			if err != nil {
				return err
			}
			reply(w, n, size)
			return nil
		},
		change: func(w http.ResponseWriter, r *http.Request) error {
			cookie, err := r.Cookie("session")
			if err != nil {
				return err
			}
			key := "floor_" + cookie.Value
			value, err := client.Get(r.Context(), key).Bytes()
			if err != nil {
				return err
			}
			n, rest, err := cutNumber(value)
			if err != nil {
				return err
			}
			n++
			changed := strconv.AppendInt(make([]byte, 0, len(value)+8), int64(n), 10)
			changed = append(append(changed, ' '), rest...)
			if err := client.Set(r.Context(), key, changed, floorTimeout).Err(); err != nil {
				return err
			}
			reply(w, n, 0)
			return nil
		},
		rotate: func(w http.ResponseWriter, r *http.Request, user string) error {
			cookie, err := r.Cookie("session")
			if err != nil {
				return err
			}
			key := "floor_" + cookie.Value
			value, err := client.Get(r.Context(), key).Bytes()
			if err != nil {
				return err
			}
			n, size, err := cutNumbers(value)
			if err != nil {
				return err
			}
			if err := create(w, r, append(value, user...)); err != nil {
				return err
			}
			if err := client.Del(r.Context(), key).Err(); err != nil {
				return err
			}
			reply(w, n, size)
			return nil
		},
	}
	return &application{handler: h.mux(), close: closing(client)}, nil
}

func cutNumbers(b []byte) (n, size int, err error) {
	n, rest, err := cutNumber(b)
	if err != nil {
		return 0, 0, err
	}
	size, _, err = cutNumber(rest)
	return n, size, err
}

func cutNumber(b []byte) (n int, rest []byte, err error) {
	head, rest, ok := bytes.Cut(b, []byte(" "))
	if !ok {
		return 0, nil, errors.New("the floor's value is not what was put")
	}
	n, err = strconv.Atoi(string(head))
	return n, rest, err
}

// startScripts calls a script that does nothing: once to read, twice to change. It is
// what two round trips cost that could be atomic.
func startScripts(e env) (*application, error) {
	client := e.client()
	script := redis.NewScript("return 1")
	if err := script.Load(e.ctx, client).Err(); err != nil {
		return nil, errors.Join(err, client.Close())
	}
	calls := func(times int) func(http.ResponseWriter, *http.Request) error {
		return func(w http.ResponseWriter, r *http.Request) error {
			if cookie, err := r.Cookie("session"); err == nil {
				for range times {
					if err := script.EvalSha(r.Context(), client, []string{cookie.Value}).Err(); err != nil {
						return err
					}
				}
			}
			reply(w, 0, 0)
			return nil
		}
	}
	h := handlers{fill: fillEmpty, read: calls(1), change: calls(2)}
	return &application{handler: h.mux(), close: closing(client)}, nil
}
