package stores_test

import (
	"encoding/gob"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/boj/redistore"
	redigo "github.com/gomodule/redigo/redis"
	"github.com/gorilla/sessions"

	"github.com/berthgo/berth/adapters/gorillastore"
	"github.com/berthgo/berth/core/httpsession"
	"github.com/berthgo/berth/core/moving"
	"github.com/berthgo/berth/core/session"
)

func init() { gob.Register(cart{}) }

type cart struct{ Items []string }

// site is an application in the middle of a change of its session library.
type site struct {
	*testing.T
	addr    string
	pool    *redigo.Pool
	m       *session.Manager
	serves  atomic.Pointer[http.Handler]
	unread  atomic.Int32
	prefix  string // of the keys of the old library
	refused atomic.Bool
}

func newSite(t *testing.T, addr string) *site {
	s := &site{T: t, addr: addr, prefix: newApp() + "-"}
	s.pool = &redigo.Pool{Dial: func() (redigo.Conn, error) {
		if s.refused.Load() {
			return nil, fmt.Errorf("the old store is down")
		}
		return redigo.Dial("tcp", addr)
	}}
	t.Cleanup(func() { _ = s.pool.Close() })
	s.m = newManager(t, addr, session.Options{})
	return s
}

func (s *site) ServeHTTP(w http.ResponseWriter, r *http.Request) { (*s.serves.Load()).ServeHTTP(w, r) }

// serve has the application serve requests so from now on.
func (s *site) serve(h http.Handler) { s.serves.Store(&h) }

// berths is the new application: with the middleware that moves sessions, and berth's own.
func (s *site) berths(old moving.Old, handler http.Handler) http.Handler {
	s.Helper()
	move, err := moving.Middleware(s.m, old, moving.WithUnreadable(func(*http.Request, error) { s.unread.Add(1) }))
	if err != nil {
		s.Fatal(err)
	}
	return move(httpsession.Middleware(s.m)(handler))
}

// oldKeys are the keys that the old library has in Redis.
func (s *site) oldKeys() []string {
	s.Helper()
	conn := s.pool.Get()
	defer conn.Close()
	keys, err := redigo.Strings(conn.Do("KEYS", s.prefix+"*"))
	if err != nil {
		s.Fatal(err)
	}
	return keys
}

// overwrite puts something else into the old session.
func (s *site) overwrite(key, with string) {
	s.Helper()
	conn := s.pool.Get()
	defer conn.Close()
	if _, err := conn.Do("SET", key, with); err != nil {
		s.Fatal(err)
	}
}

// gorilla is an application that is written for gorilla/sessions, on any store.
func gorilla(store sessions.Store) http.Handler {
	change := func(f func(is *sessions.Session)) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			is, err := store.Get(r, "session")
			if err == nil {
				f(is)
				err = is.Save(r, w)
			}
			if err != nil {
				http.Error(w, err.Error(), http.StatusInternalServerError)
				return
			}
			n, _ := is.Values["n"].(int)
			c, _ := is.Values["cart"].(cart)
			fmt.Fprint(w, is.Values["user"], " ", n, " ", c.Items, " ", is.Values[42])
		}
	}
	mux := http.NewServeMux()
	mux.Handle("/login", change(func(is *sessions.Session) {
		is.Values["user"], is.Values["cart"], is.Values[42] = "ann", cart{[]string{"tea"}}, int64(43)
	}))
	mux.Handle("/count", change(func(is *sessions.Session) {
		n, _ := is.Values["n"].(int)
		is.Values["n"] = n + 1
	}))
	mux.Handle("/logout", change(func(is *sessions.Session) { is.Options.MaxAge = -1 }))
	mux.Handle("/see", change(func(*sessions.Session) {}))
	return mux
}

// redistores is the old application's store.
func (s *site) redistores() *redistore.RediStore {
	s.Helper()
	store, err := redistore.NewRediStoreWithPool(s.pool, []byte("a key that signs the old cookies"))
	if err != nil {
		s.Fatal(err)
	}
	store.SetKeyPrefix(s.prefix)
	return store
}

// fromRedistore returns a site whose user has signed in with redistore, and that now serves with berth; the
// user's browser; and what the old cookie was.
func fromRedistore(t *testing.T, addr string) (s *site, b *browser, old string) {
	s = newSite(t, addr)
	b = newBrowser(t, s)
	store := s.redistores()
	s.serve(gorilla(store))
	b.wants("/login", "ann 0 [tea] 43")
	berths, err := gorillastore.New(s.m)
	if err != nil {
		t.Fatal(err)
	}
	s.serve(s.berths(gorillastore.Old(store, "session"), gorilla(berths)))
	return s, b, b.cookies()["session"]
}

// with returns a browser of the same site that has this cookie.
func (b *browser) with(cookie string) *browser {
	other := browserAt(b.T, b.base)
	at := httptest.NewRequest(http.MethodGet, b.base, nil).URL
	other.Jar.SetCookies(at, []*http.Cookie{{Name: "session", Value: cookie}})
	return other
}

// Nobody is logged out by the change from redistore, and the old session goes.
func TestMoveFromRedistore(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, addr string) {
		s, b, old := fromRedistore(t, addr)
		got := b.get("/see")
		if got.body != "ann 0 [tea] 43" || !strings.Contains(got.header.Get("Set-Cookie"), "Max-Age=2592000") || got.header.Get("Cache-Control") != "no-store" {
			t.Errorf("after the change: %q, with %v", got.body, got.header)
		}
		if keys := s.oldKeys(); len(keys) != 0 {
			t.Errorf("the old library still has %d sessions", len(keys))
		}
		now := b.cookies()["session"]
		if now == old || s.m.Adapter().SessionID(http.Header{"Cookie": {"session=" + now}}) == "" {
			t.Error("the browser has no cookie of berth")
		}
		b.wants("/count", "ann 1 [tea] 43")

		// A replay of the old cookie means the new session, for a minute, and nothing once that has ended.
		replay := b.with(old)
		replay.wants("/count", "ann 2 [tea] 43")
		if replay.cookies()["session"] != now {
			t.Error("the replay has made another session")
		}
		b.get("/logout")
		b.with(old).wants("/see", "<nil> 0 [] <nil>")
	})
}

// Two tabs, and more, come at the same time with the old cookie. They have one new session, and no count is lost.
func TestMoveOfTwoTabsAtOnce(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, addr string) {
		s, b, old := fromRedistore(t, addr)
		b.together(8, func(int) string { return "/count" })
		b.wants("/see", "ann 8 [tea] 43")
		if created := s.m.Stats().Created; created != 1 {
			t.Errorf("%d sessions were made", created)
		}
		// What Redis keeps of the move opens nothing.
		conn := s.pool.Get()
		defer conn.Close()
		keys, err := redigo.Strings(conn.Do("KEYS", "{"+strings.TrimSuffix(s.m.Adapter().Key(""), "}")[1:]+"Moved*"))
		if err != nil || len(keys) != 1 {
			t.Fatalf("the keys are %v (%v)", keys, err)
		}
		kept, err := redigo.String(conn.Do("GET", keys[0]))
		_, secret, _ := strings.Cut(b.cookies()["session"], ".")
		left, _ := redigo.Int(conn.Do("PTTL", keys[0]))
		if err != nil || strings.Contains(kept, secret) || strings.Contains(keys[0], old) || left <= 0 || left > int(time.Minute/time.Millisecond) {
			t.Errorf("it is kept for %d ms (%v)", left, err)
		}
	})
}

// A session that cannot be decoded stays, and its visitor starts anew. So does one with a forged cookie.
func TestMoveOfWhatCannotBeDecoded(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, addr string) {
		s, b, old := fromRedistore(t, addr)
		key := s.oldKeys()[0]
		s.overwrite(key, "no gob")
		b.wants("/see", "<nil> 0 [] <nil>")
		if s.unread.Load() != 1 || b.cookies()["session"] != old || len(s.oldKeys()) != 1 {
			t.Errorf("it was reported %d times", s.unread.Load())
		}
		forged := b.with("forged")
		forged.wants("/see", "<nil> 0 [] <nil>")
		if s.unread.Load() != 1 || len(forged.cookies()) != 0 {
			t.Errorf("a forged cookie: it was reported %d times, and there are %d cookies", s.unread.Load(), len(forged.cookies()))
		}
	})
}

// If the old store cannot be reached, that is an error, and the session is moved later.
func TestMoveWhileTheOldStoreIsDown(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, addr string) {
		s, b, old := fromRedistore(t, addr)
		s.refused.Store(true)
		if got := b.get("/see"); got.status != http.StatusServiceUnavailable || b.cookies()["session"] != old {
			t.Errorf("the answer is %d", got.status)
		}
		s.refused.Store(false)
		b.wants("/see", "ann 0 [tea] 43")
	})
}
