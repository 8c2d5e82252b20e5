package companion

import (
	"context"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"

	"github.com/berthgo/berth/core/session"
)

// block returns the first block of docs/redis.md in a language.
func block(t *testing.T, language string) string {
	t.Helper()
	page, err := os.ReadFile("../../docs/redis.md")
	if err != nil {
		t.Fatal(err)
	}
	_, after, found := strings.Cut(string(page), "```"+language+"\n")
	code, _, closed := strings.Cut(after, "```\n")
	if !found || !closed {
		t.Fatalf("docs/redis.md has no block in %s", language)
	}
	return code
}

// program returns the function of docs/redis.md that reads companions, in a language.
func program(t *testing.T, language string, client *redis.Client) func(cookie string) string {
	t.Helper()
	if language == "go" {
		return func(cookie string) string {
			value, err := Read(t.Context(), client, cookie)
			if err != nil {
				t.Error(err)
			}
			return value
		}
	}
	host, port, _ := strings.Cut(client.Options().Addr, ":")
	var arguments []string
	switch language {
	case "sh":
		arguments = []string{"sh", "-c", block(t, "sh") + `companion "$1"`, "sh"}
	case "python":
		arguments = []string{"python3", "-c", block(t, "python") + pythonCaller}
	}
	for _, needed := range []string{arguments[0], "redis-cli"} {
		if _, err := exec.LookPath(needed); err != nil {
			if os.Getenv("REQUIRE_REDIS") == "1" {
				t.Fatalf("needs %s, and REQUIRE_REDIS is 1", needed)
			}
			t.Skipf("needs %s", needed)
		}
	}
	return func(cookie string) string {
		command := exec.CommandContext(t.Context(), arguments[0], append(arguments[1:], cookie)...)
		command.Env = append(os.Environ(), "REDISCLI_HOST="+host, "REDISCLI_PORT="+port)
		command.Stderr = os.Stderr
		answer, err := command.Output()
		if err != nil {
			t.Error(err)
		}
		return strings.TrimSuffix(string(answer), "\n")
	}
}

// pythonCaller uses redis-cli as the client, because redis-py may not be installed.
const pythonCaller = `
import os, subprocess, sys

class Client:
    def mget(self, *keys):
        cli = ["redis-cli", "-h", os.environ["REDISCLI_HOST"], "-p", os.environ["REDISCLI_PORT"], "get"]
        return [subprocess.check_output(cli + [key])[:-1] or None for key in keys]

print((companion(Client(), sys.argv[1]) or b"").decode())
`

func TestRead(t *testing.T) {
	t.Parallel()
	for _, language := range []string{"go", "sh", "python"} {
		t.Run(language, func(t *testing.T) {
			t.Parallel()
			client := redis.NewClient(&redis.Options{Addr: miniredis.RunT(t).Addr()})
			t.Cleanup(func() { _ = client.Close() })
			m, err := session.New(client, session.Options{App: "shop"})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = m.Close() })
			read := program(t, language, client)
			want := func(what, cookie, value string) {
				t.Helper()
				if got := read(cookie); got != value {
					t.Errorf("%s reads %q, want %q", what, got, value)
				}
			}

			var s *session.Session
			err = m.Do(t.Context(), "", session.Exclusive, func(is *session.Session) error {
				s = is
				s.SetPrincipal("ann")
				s.SetCompanion("ann wants apples")
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
			first, handle := s.ID(), s.Handle()
			want("the cookie", first, "ann wants apples")
			want("the handle alone", handle, "")
			want("a handle with a secret that somebody made up", handle+"."+strings.Repeat("a", 26), "")
			want("no cookie", "", "")
			want("a pattern", "*", "")

			second := rotate(t, m, first)
			want("the cookie from before a rotation", first, "")
			want("the cookie from after it", second, "ann wants apples")

			if err := client.Del(t.Context(), "{"+handle+"}_Proof").Err(); err != nil {
				t.Fatal(err)
			}
			want("the cookie, where the proof is missing,", second, "")
		})
	}
}

func rotate(t *testing.T, m *session.Manager, id string) string {
	t.Helper()
	ctx := context.WithoutCancel(t.Context())
	s, err := m.Begin(ctx, id, session.Exclusive)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Rollback(ctx)
	s.Rotate()
	if err := s.Commit(ctx); err != nil {
		t.Fatal(err)
	}
	return s.ID()
}
