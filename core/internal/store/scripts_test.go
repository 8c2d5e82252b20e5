package store_test

import (
	"context"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"

	"github.com/berthgo/berth/core/internal/store"
)

// Package session tests what the scripts do. This case cannot happen there, unless two IDs are equal.
func TestCreateNeverOverwrites(t *testing.T) {
	t.Parallel()
	mini := miniredis.NewMiniRedis()
	t.Cleanup(mini.Close)
	client := redis.NewClient(&redis.Options{
		Addr:   "127.0.0.1:1",
		Dialer: func(context.Context, string, string) (net.Conn, error) { return mini.Dial() },
	})
	t.Cleanup(func() { _ = client.Close() })
	keys, err := store.NewKeys("shop", "_")
	if err != nil {
		t.Fatal(err)
	}
	s := &store.Store{Client: client, Keys: keys, LockTTL: time.Second}
	tokens := store.NewProcess()
	create := func(token, value string) store.Status {
		t.Helper()
		m := store.Meta{Timeout: time.Minute, Created: time.Now(), Commit: token}
		status, err := s.Create(t.Context(), "S", "proof", m, []any{"k", value})
		if err != nil {
			t.Fatal(err)
		}
		return status
	}
	first := tokens.Token()
	for range 2 {
		if status := create(first, "first"); status != store.Done {
			t.Errorf("status is %d", status)
		}
	}
	if status := create(tokens.Token(), "second"); status == store.Done {
		t.Error("overwrote a session")
	}
	if got := mini.HGet("{shop_S}_Data", "k"); got != "first" {
		t.Errorf("there is %q", got)
	}
	if _, _, err := s.Retire(t.Context(), "S", store.Retirement{Token: tokens.Token(), Reason: "abandoned"}); err != nil {
		t.Fatal(err)
	}
	if status := create(first, "first"); status != store.Retired {
		t.Errorf("a second try revived what was ended: status %d", status)
	}
}

// Each script shares one scope with lib.lua. A local with the same name as one there would silently
// take its place.
func TestScriptsDoNotHideWhatTheyShare(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("lua/*.lua")
	if err != nil || len(files) < 2 {
		t.Fatalf("%d scripts, %v", len(files), err)
	}
	shared := locals(t, "lua/lib.lua", "")
	if !slices.Contains(shared, "GRACE") || !slices.Contains(shared, "hand_over") {
		t.Fatalf("these are not what lib.lua declares: %q", shared)
	}
	for _, file := range files {
		if filepath.Base(file) == "lib.lua" {
			continue
		}
		for _, name := range locals(t, file, `\s*`) {
			if slices.Contains(shared, name) {
				t.Errorf("%s declares %s, as lib.lua does", file, name)
			}
		}
	}
}

// locals are the names that a script declares in lines with this indentation.
func locals(t *testing.T, file, indentation string) (names []string) {
	t.Helper()
	source, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	declaration := regexp.MustCompile(`(?m)^` + indentation + `local (?:function )?([\w, ]+)`)
	for _, m := range declaration.FindAllStringSubmatch(string(source), -1) {
		for name := range strings.SplitSeq(m[1], ",") {
			names = append(names, strings.TrimSpace(name))
		}
	}
	return names
}
