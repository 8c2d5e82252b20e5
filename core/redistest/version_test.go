package redistest

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestVersion(t *testing.T) {
	t.Parallel()
	for said, want := range map[string]struct{ is62, is70, valkey bool }{
		"Redis server v=6.0.16 sha=00000000:0 malloc=jemalloc-5.2.1 bits=64": {false, false, false},
		"Redis server v=6.2.7 sha=00000000:0 malloc=libc bits=64":            {true, false, false},
		"Redis server v=7.0.15 sha=00000000:0 malloc=jemalloc-5.3.0 bits=64": {true, true, false},
		"Valkey server v=8.1.1 sha=00000000:0 malloc=jemalloc-5.3.0 bits=64": {true, true, true},
		"Redis server v=10.0.1": {true, true, false},
		"no such luck":          {true, true, false},
		"":                      {true, true, false},
	} {
		if v := parseVersion(said); v.atLeast(6, 2) != want.is62 || v.atLeast(7, 0) != want.is70 || v.valkey != want.valkey {
			t.Errorf("%s: %v", said, v)
		}
	}
}

// Not parallel: another test's fork must not have the script open while it is run.
func TestUsersOnRedis60(t *testing.T) {
	path := filepath.Join(t.TempDir(), "redis-server")
	for says, want := range map[string]string{
		"6.0.16": "--user redistest on >own ~* +@all --user berth on >secret ~shop* +get",
		"6.2.7":  "--user redistest on >own ~* &* +@all --user berth on >secret resetchannels ~shop* &shop* +get",
	} {
		if err := os.WriteFile(path, []byte("#!/bin/sh\necho Redis server v="+says+"\n"), 0o700); err != nil {
			t.Fatal(err)
		}
		c := config{
			Options: Options{Path: path, ACL: []string{"user berth on >secret resetchannels ~shop* &shop* +get"}},
			login:   login{ownUser, "own"},
		}
		if got := c.userArguments(); !slices.Equal(got, strings.Fields(want)) {
			t.Errorf("%s: %q", says, got)
		}
	}
}
