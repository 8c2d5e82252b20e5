package session_test

import (
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/berthgo/berth/core/session"
)

// What browsers or HTTP would drop, and what does not go together, is named by New.
func TestOptionsThatCannotWork(t *testing.T) {
	t.Parallel()
	client := redis.NewClient(&redis.Options{Addr: "127.0.0.1:1"})
	defer client.Close()
	long := strings.Repeat("x", 5000)
	for name, c := range map[string]struct {
		o    session.Options
		says string // "" if it is taken
	}{
		"prefix by hand":           {session.Options{Cookie: session.Cookie{Name: "__Host-sid"}}, "HostPrefix"},
		"prefix in other letters":  {session.Options{Cookie: session.Cookie{Name: "__hOST-sid"}}, "HostPrefix"},
		"prefix, secure, a path":   {session.Options{Cookie: session.Cookie{Name: "__Host-sid", Secure: session.SecureAlways, Path: "/shop"}}, "HostPrefix"},
		"secure prefix, not so":    {session.Options{Cookie: session.Cookie{Name: "__Secure-sid"}}, "SecureAlways"},
		"secure prefix":            {session.Options{Cookie: session.Cookie{Name: "__Secure-sid", Secure: session.SecureAlways}}, ""},
		"domain with underscore":   {session.Options{Cookie: session.Cookie{Domain: "my_shop.example"}}, "Cookie.Domain"},
		"domain with star":         {session.Options{Cookie: session.Cookie{Domain: "*.shop.example"}}, "Cookie.Domain"},
		"domain with empty label":  {session.Options{Cookie: session.Cookie{Domain: "shop..example"}}, "Cookie.Domain"},
		"domain with hyphen first": {session.Options{Cookie: session.Cookie{Domain: "-shop.example"}}, "Cookie.Domain"},
		"domain":                   {session.Options{Cookie: session.Cookie{Domain: ".shop-1.example"}}, ""},
		"too large":                {session.Options{Cookie: session.Cookie{Path: "/" + long}}, "4096"},
		"taken header":             {session.Options{Header: "set-cookie"}, "X-Session"},
		"another taken header":     {session.Options{Header: "Content-Length"}, "X-Session"},
		"header":                   {session.Options{Header: "X-Session"}, ""},
		"life under idle time":     {session.Options{MaxLifetime: time.Minute}, "MaxLifetime is 1m0s"},
		"hold under TTL":           {session.Options{LockHold: time.Second}, "LockHold is 1s"},
		"a long TTL alone":         {session.Options{LockTTL: time.Hour}, ""},
		"nobody to notify":         {session.Options{EndNotifications: true}, "TrackEnd"},
	} {
		m, err := session.New(client, c.o)
		if err == nil {
			_ = m.Close()
		}
		if (err == nil) != (c.says == "") || err != nil && !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Two programs that set no App do not share sessions: it is where each was built from.
func TestAppOfTheBuild(t *testing.T) {
	t.Parallel()
	r := onReal(t)
	var log lines
	m, err := session.New(r.NewClient(), session.Options{Logger: slog.New(slog.NewTextHandler(&log, nil))})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = m.Close() })
	id := saved(t, m)
	key := "{github.com/berthgo/berth/core/session.test_" + handleOf(id) + "}_Data"
	if !r.Exists(key) {
		t.Error("the keys do not begin with the import path of the main package")
	}
	r.Client.Del(t.Context(), key)
	if said := log.take(); strings.Count(said, "core/session.test") != 1 {
		t.Errorf("New logs %q", said)
	}
	named, err := session.New(r.NewClient(), session.Options{App: "shop", Logger: slog.New(slog.NewTextHandler(&log, nil))})
	if err != nil {
		t.Fatal(err)
	}
	_ = named.Close()
	if said := log.take(); said != "" {
		t.Errorf("with an App, New logs %q", said)
	}
}

func TestSameSiteFromText(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]session.SameSite{
		"lax": session.SameSiteLax, "Strict": session.SameSiteStrict, "NONE": session.SameSiteNone, "3": 0, "": 0,
	} {
		var got session.SameSite
		if err := got.UnmarshalText([]byte(text)); (err == nil) != (want != 0) || got != want {
			t.Errorf("%q is %d (%v)", text, got, err)
		}
	}
}

// A cookie without Secure for another host is warned of, once.
func TestCookieWithoutSecureIsWarnedOf(t *testing.T) {
	onEach(t, func(t *testing.T, r *rig) {
		for name, c := range map[string]struct {
			host   string
			secure session.Secure
			header string
			warns  int
		}{
			"another host":     {"shop.example:8080", session.SecureAuto, "", 1},
			"this machine":     {"localhost:8080", session.SecureAuto, "", 0},
			"its address":      {"127.0.0.1:8080", session.SecureAuto, "", 0},
			"its IPv6 address": {"[::1]:8080", session.SecureAuto, "", 0},
			"by HTTPS":         {"shop.example", session.SecureAuto, "https", 0},
			"meant":            {"shop.example", session.SecureNever, "", 0},
			"no host":          {"", session.SecureAuto, "", 0},
		} {
			var log lines
			m := r.Manager(session.Options{Logger: slog.New(slog.NewTextHandler(&log, nil)), Cookie: session.Cookie{Secure: c.secure}})
			for range 2 {
				request := http.Header{}
				if c.header != "" {
					request["X-Forwarded-Proto"] = []string{c.header}
				}
				s, err := m.Adapter().Begin(t.Context(), session.Request{Headers: request, Host: c.host}, session.Exclusive)
				if err != nil {
					t.Fatal(err)
				}
				s.Set("n", 1)
				if err := s.Finish(t.Context()); err != nil {
					t.Fatal(err)
				}
				s.SetHeaders(request, http.Header{}, false)
			}
			if n := strings.Count(log.take(), "not Secure"); n != c.warns {
				t.Errorf("%s: %d warnings, want %d", name, n, c.warns)
			}
		}
	})
}
