package redistest_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/redis/go-redis/v9"

	"github.com/berthgo/berth/core/redistest"
)

// Acquire reads the environment, so this test is not parallel.
func TestAcquire(t *testing.T) {
	t.Run("from PATH, before REDIS_URL", func(t *testing.T) {
		redistest.NeedServer(t)
		t.Setenv("REDIS_URL", "redis://192.0.2.1:6379")
		r, err := redistest.Acquire(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if r.Server == nil || r.URL != r.Server.URL() || r.Addr != r.Server.Addr() {
			t.Errorf("not the server that it started: %+v", r)
		}
		for range 2 {
			if err := r.Stop(); err != nil {
				t.Error(err)
			}
		}
	})

	t.Run("from REDIS_SERVER, before PATH", func(t *testing.T) {
		redistest.NeedServer(t)
		path, _ := redistest.Find()
		dir := t.TempDir()
		wrapper := filepath.Join(dir, "wrapper")
		script := "#!/bin/sh\nexec '" + path + `' "$@" --maxclients 33` + "\n"
		if err := os.WriteFile(wrapper, []byte(script), 0o700); err != nil {
			t.Fatal(err)
		}
		t.Setenv("REDIS_SERVER", wrapper)
		r, err := redistest.Acquire(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		defer func() {
			if err := r.Stop(); err != nil {
				t.Error(err)
			}
		}()
		client := redis.NewClient(&redis.Options{Addr: r.Addr})
		defer client.Close()
		got, err := client.ConfigGet(t.Context(), "maxclients").Result()
		if err != nil || got["maxclients"] != "33" {
			t.Errorf("maxclients is %v, %v; want 33, as the wrapper says", got, err)
		}
	})

	t.Run("REDIS_SERVER is wrong", func(t *testing.T) {
		t.Setenv("REDIS_SERVER", filepath.Join(t.TempDir(), "none"))
		redistest.NeedServer(t) // does not skip
		_, err := redistest.Acquire(t.Context())
		if err == nil || errors.Is(err, redistest.ErrUnavailable) || !strings.Contains(err.Error(), "REDIS_SERVER") {
			t.Errorf("got %v, want an error that names REDIS_SERVER", err)
		}
	})

	t.Run("from REDIS_URL", func(t *testing.T) {
		redistest.NeedServer(t)
		path, _ := redistest.Find()
		s, err := redistest.Start(t.Context(), redistest.Options{Path: path})
		if err != nil {
			t.Fatal(err)
		}
		t.Setenv("REDIS_SERVER", "")
		t.Setenv("PATH", "")
		t.Setenv("REDIS_URL", s.URL()+"/3")
		r, err := redistest.Acquire(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if r.Server != nil || r.URL != s.URL()+"/3" || r.Addr != s.Addr() {
			t.Errorf("got %+v", r)
		}
		if err := r.Stop(); err != nil {
			t.Error(err)
		}
		if again, err := redistest.Acquire(t.Context()); err != nil {
			t.Errorf("Stop stopped a server that is not ours: %v, %v", again, err)
		}
		if err := s.Stop(); err != nil {
			t.Fatal(err)
		}
		if _, err := redistest.Acquire(t.Context()); err == nil || errors.Is(err, redistest.ErrUnavailable) {
			t.Errorf("REDIS_URL where nothing answers: %v, want an error that fails the test", err)
		}
	})

	t.Run("REDIS_URL is malformed", func(t *testing.T) {
		t.Setenv("REDIS_SERVER", "")
		t.Setenv("PATH", "")
		for _, raw := range []string{"localhost:6379", "redis://", "http://localhost", "redis://:secret@host:port"} {
			t.Setenv("REDIS_URL", raw)
			_, err := redistest.Acquire(t.Context())
			if err == nil || strings.Contains(err.Error(), "secret") {
				t.Errorf("%s: %v, want an error without the password", raw, err)
			}
		}
	})

	t.Run("nothing", func(t *testing.T) {
		t.Setenv("REDIS_SERVER", "")
		t.Setenv("PATH", t.TempDir())
		t.Setenv("REDIS_URL", "")
		t.Setenv("REQUIRE_REDIS", "")
		r, err := redistest.Acquire(t.Context())
		if !errors.Is(err, redistest.ErrUnavailable) || strings.Contains(err.Error(), "\n") {
			t.Errorf("got %v, want ErrUnavailable in one line", err)
		}
		if err := r.Stop(); err != nil {
			t.Errorf("Stop on nil: %v", err)
		}
	})

	t.Run("nothing, but required", func(t *testing.T) {
		t.Setenv("REDIS_SERVER", "")
		t.Setenv("PATH", t.TempDir())
		t.Setenv("REDIS_URL", "")
		t.Setenv("REQUIRE_REDIS", "1")
		_, err := redistest.Acquire(t.Context())
		if err == nil || errors.Is(err, redistest.ErrUnavailable) || !strings.Contains(err.Error(), "install redis-server") {
			t.Errorf("got %v, want an error that says what to install", err)
		}
	})

	t.Run("a broken binary", func(t *testing.T) {
		dir := t.TempDir()
		script := "#!/bin/sh\necho no such luck\nexit 3\n"
		if err := os.WriteFile(filepath.Join(dir, "redis-server"), []byte(script), 0o700); err != nil {
			t.Fatal(err)
		}
		t.Setenv("REDIS_SERVER", "")
		t.Setenv("PATH", dir)
		_, err := redistest.Acquire(t.Context())
		if err == nil || !strings.Contains(err.Error(), "no such luck") {
			t.Errorf("got %v, want what the binary said", err)
		}
	})
}
