package session_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/berthgo/berth/core/session"
)

func TestWrongOptionsAreAllNamed(t *testing.T) {
	t.Parallel()
	client := redis.NewClient(&redis.Options{Addr: "127.0.0.1:1"})
	defer client.Close()
	secret := []byte("secret-too-short")[:10]
	_, err := session.New(client, session.Options{
		App: "a{b", KeySeparator: "*", Timeout: -1, MaxLifetime: -1, LockTTL: time.Millisecond, LockHold: -1,
		MaxWaiters: -1, RetryTimeout: -1, MaxBytes: -1, Header: "a b", EncryptionKeys: []session.EncryptionKey{secret},
		Cookie: session.Cookie{
			Name: "a b", Domain: "a b", Path: "x", Secure: 9, SameSite: 99, MaxAge: -1, HostPrefix: true,
		},
	})
	if err == nil {
		t.Fatal("taken")
	}
	for _, field := range []string{
		"App", "KeySeparator", "Timeout", "MaxLifetime", "LockTTL", "LockHold", "MaxWaiters", "RetryTimeout", "MaxBytes", "Header",
		"EncryptionKeys[0]", "Cookie.Name", "Cookie.Domain", "Cookie.Path", "Cookie.Secure", "Cookie.SameSite", "Cookie.MaxAge", "Cookie.HostPrefix",
	} {
		if !strings.Contains(err.Error(), field+" ") {
			t.Errorf("%s is not named in:\n%v", field, err)
		}
	}
	if strings.Contains(err.Error(), string(secret)) {
		t.Error("the error tells the encryption key")
	}
	if _, err := session.New(nil, session.Options{}); err == nil {
		t.Error("took no client")
	}
}

// A duration that was meant in seconds, as in a file that says 30, is nanoseconds in Go.
func TestNumbersAreNoDurations(t *testing.T) {
	t.Parallel()
	client := redis.NewClient(&redis.Options{Addr: "127.0.0.1:1"})
	defer client.Close()
	_, err := session.New(client, session.Options{
		Timeout: 30, MaxLifetime: 30, LockTTL: 30, LockHold: 30, LockWait: 30, RetryTimeout: 30, EndRetention: 30, EndSweep: 30,
		Cookie: session.Cookie{MaxAge: 30},
	})
	if err == nil {
		t.Fatal("took them")
	}
	for _, field := range []string{"Timeout", "MaxLifetime", "LockTTL", "LockHold", "LockWait", "RetryTimeout", "EndRetention", "EndSweep", "Cookie.MaxAge"} {
		if !strings.Contains(err.Error(), "\n"+field+" is 30ns") {
			t.Errorf("%s is not named in:\n%v", field, err)
		}
	}
}

// New copies: what the caller does to its options later has no effect.
func TestOptionsAreCopied(t *testing.T) {
	onEach(t, func(t *testing.T, r *rig) {
		key := []byte(strings.Repeat("k", 32))
		o := session.Options{EncryptionKeys: []session.EncryptionKey{key}}
		m := r.Manager(o)
		id := saved(t, m, "n", 1)
		clear(key)
		o.EncryptionKeys[0] = nil
		if get[int](t, view(t, m, id), "n") != 1 {
			t.Error("changed with the caller's slice")
		}
	})
}

func TestZeroOptions(t *testing.T) {
	t.Parallel()
	client := redis.NewClient(&redis.Options{Addr: "127.0.0.1:1"})
	defer client.Close()
	m, err := session.New(client, session.Options{})
	if err != nil {
		t.Fatal(err)
	}
	_ = m.Close()
}

func TestSessionID(t *testing.T) {
	onEach(t, func(t *testing.T, r *rig) {
		id, other := session.NewID(), session.NewID()
		m := r.Manager(session.Options{})
		host := r.Manager(session.Options{Cookie: session.Cookie{HostPrefix: true}})
		header := r.Manager(session.Options{Header: "X-Session"})
		for _, c := range []struct {
			m     *session.Manager
			lines []string
			want  string
		}{
			{m, nil, ""},
			{m, []string{"session=" + id}, id},
			{m, []string{"a=b; session=" + id + "; c=d"}, id},
			{m, []string{"a=b;session=" + id + " ;c"}, id},
			{m, []string{`session="` + id + `"`}, id},
			{m, []string{"a=b", "session=" + id}, id},
			{m, []string{"session=" + id + "; session=" + other}, id},
			{m, []string{"session=x; session=" + other}, other},
			{m, []string{"Session=" + id}, ""},
			{m, []string{"xsession=" + id}, ""},
			{m, []string{"session"}, ""},
			{m, []string{"session="}, ""},
			{m, []string{`session="`}, ""},
			{m, []string{"session=" + id + "x"}, ""},
			{m, []string{"session=" + strings.Repeat("x", 10_000)}, ""},
			{m, []string{strings.Repeat(";", 10_000) + "session=" + id}, id},
			{host, []string{"session=" + id + "; __Host-session=" + other}, other},
			{header, []string{"session=" + id}, ""},
		} {
			if got := c.m.Adapter().SessionID(http.Header{"Cookie": c.lines}); got != c.want {
				t.Errorf("%.60q: got %q, want %q", c.lines, got, c.want)
			}
		}
		if got := header.Adapter().SessionID(http.Header{"X-Session": {"bad", id}}); got != id {
			t.Errorf("from a header: %q", got)
		}
	})
}

func FuzzSessionID(f *testing.F) {
	f.Add("session=" + session.NewID())
	f.Add(`a=b; session="`)
	client := redis.NewClient(&redis.Options{Addr: "127.0.0.1:1"})
	f.Cleanup(func() { _ = client.Close() })
	m, err := session.New(client, session.Options{})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, line string) {
		id := m.Adapter().SessionID(http.Header{"Cookie": {line}})
		if id != "" && (len(id) != 53 || strings.Trim(id, "abcdefghijklmnopqrstuvwxyz234567") != ".") {
			t.Errorf("%q gives %q", line, id)
		}
	})
}

// finish handles a request as a middleware does and returns the response's headers, but for Vary.
func finish(t *testing.T, m *session.Manager, id string, request http.Header, tls bool, handle func(s *session.Session)) (http.Header, string) {
	t.Helper()
	s := begin(t, m, id, session.Exclusive)
	handle(s)
	if err := s.Finish(t.Context()); err != nil {
		t.Fatal(err)
	}
	response := http.Header{}
	s.SetHeaders(request, response, tls)
	response.Del("Vary")
	return response, s.ID()
}

func TestSetCookie(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		set := func(s *session.Session) { s.Set("n", 1) }
		for _, c := range []struct {
			name    string
			cookie  session.Cookie
			request http.Header
			tls     bool
			want    string
		}{
			{"defaults", session.Cookie{}, nil, false, "session=ID; Path=/; HttpOnly; SameSite=Lax"},
			{"TLS", session.Cookie{}, nil, true, "session=ID; Path=/; HttpOnly; Secure; SameSite=Lax"},
			{"X-Forwarded-Proto", session.Cookie{}, http.Header{"X-Forwarded-Proto": {"https, http"}}, false, "session=ID; Path=/; HttpOnly; Secure; SameSite=Lax"},
			{"X-Forwarded-Proto http", session.Cookie{}, http.Header{"X-Forwarded-Proto": {"http"}}, false, "session=ID; Path=/; HttpOnly; SameSite=Lax"},
			{"Forwarded", session.Cookie{}, http.Header{"Forwarded": {`for=1.2.3.4; Proto="https", for=proxy;proto=http`}}, false, "session=ID; Path=/; HttpOnly; Secure; SameSite=Lax"},
			{"Forwarded http", session.Cookie{}, http.Header{"Forwarded": {"proto=http"}}, false, "session=ID; Path=/; HttpOnly; SameSite=Lax"},
			{"always", session.Cookie{Secure: session.SecureAlways}, nil, false, "session=ID; Path=/; HttpOnly; Secure; SameSite=Lax"},
			{"never", session.Cookie{Secure: session.SecureNever}, nil, true, "session=ID; Path=/; HttpOnly; SameSite=Lax"},
			{"host prefix", session.Cookie{HostPrefix: true}, nil, false, "__Host-session=ID; Path=/; HttpOnly; Secure; SameSite=Lax"},
			{"all", session.Cookie{Name: "sid", Domain: "example.com", Path: "/shop", SameSite: session.SameSiteStrict, MaxAge: time.Hour}, nil, false, "sid=ID; Path=/shop; Domain=example.com; Max-Age=3600; HttpOnly; SameSite=Strict"},
			{"partitioned", session.Cookie{Partitioned: true, SameSite: session.SameSiteNone}, nil, false, "session=ID; Path=/; HttpOnly; Secure; SameSite=None; Partitioned"},
		} {
			m := r.Manager(session.Options{Cookie: c.cookie})
			response, id := finish(t, m, "", c.request, c.tls, set)
			if got := strings.ReplaceAll(response.Get("Set-Cookie"), id, "ID"); got != c.want {
				t.Errorf("%s: %s, want %s", c.name, got, c.want)
			}
			if response.Get("Cache-Control") != "no-store" {
				t.Errorf("%s: a response that sets a cookie can be stored", c.name)
			}
			response, _ = finish(t, m, id, c.request, c.tls, set)
			if len(response) != 0 {
				t.Errorf("%s: the second response has %v", c.name, response)
			}
			response, _ = finish(t, m, id, c.request, c.tls, func(s *session.Session) { s.Abandon() })
			if got := response.Get("Set-Cookie"); !strings.Contains(got, "=; ") || !strings.Contains(got, "Max-Age=0") {
				t.Errorf("%s: the cookie is not deleted: %s", c.name, got)
			}
			response, _ = finish(t, m, id, c.request, c.tls, set)
			if len(response) != 0 {
				t.Errorf("%s: a late response has %v", c.name, response)
			}
		}
	})
}

// Who abandons a session that is over already does not take the
// client's new cookie away.
func TestLateAbandonKeepsTheCookie(t *testing.T) {
	onEach(t, func(t *testing.T, r *rig) {
		m := r.Manager(session.Options{})
		id := saved(t, m)
		late := begin(t, m, id, session.Shared)
		commit(t, func() *session.Session {
			s := begin(t, m, id, session.Exclusive)
			s.SetPrincipal("ann")
			return s
		}())
		late.Abandon()
		wantErr(t, late.Finish(t.Context()), session.ErrEnded) // it goes on under its new ID
		if response := headersOf(late); len(response) != 0 {
			t.Errorf("the response has %v", response)
		}
	})
}

func TestHeaderInPlaceOfCookie(t *testing.T) {
	onEach(t, func(t *testing.T, r *rig) {
		m := r.Manager(session.Options{Header: "X-Session"})
		response, id := finish(t, m, "", nil, false, func(s *session.Session) { s.Set("n", 1) })
		if response.Get("X-Session") != id || response.Get("Set-Cookie") != "" {
			t.Errorf("the response has %v", response)
		}
		response, _ = finish(t, m, id, nil, false, func(s *session.Session) { s.Abandon() })
		if v, ok := response["X-Session"]; !ok || v[0] != "" {
			t.Errorf("after the end the response has %v", response)
		}
	})
}

// A cookie with an age is sent again when a tenth of it has passed, but not by
// work that has no response.
func TestMaxAgeIsSentAgain(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		m := r.Manager(session.Options{Timeout: 24 * time.Hour, Cookie: session.Cookie{MaxAge: 10 * time.Hour}})
		read := func(*session.Session) {}
		_, id := finish(t, m, "", nil, false, func(s *session.Session) { s.Set("n", 1) })
		for range 3 {
			time.Sleep(59 * time.Minute)
			if response, _ := finish(t, m, id, nil, false, read); len(response) != 0 {
				t.Error("sent again too early")
			}
			time.Sleep(time.Minute)
			commit(t, begin(t, m, id, session.Exclusive))
			commit(t, begin(t, m, id, session.ReadOnly))
			if response, _ := finish(t, m, id, nil, false, read); !strings.Contains(response.Get("Set-Cookie"), id) {
				t.Error("not sent again")
			}
		}
		time.Sleep(time.Hour)
		for _, want := range []bool{true, false} {
			s := begin(t, m, id, session.Shared)
			if err := s.Finish(t.Context()); err != nil {
				t.Fatal(err)
			}
			response := http.Header{}
			s.SetHeaders(http.Header{}, response, false)
			if got := response.Get("Set-Cookie") != ""; got != want {
				t.Errorf("under Shared it is sent: %v, want %v", got, want)
			}
		}
	})
}
