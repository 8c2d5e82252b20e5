package main

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/berthgo/berth/core/internal/rig"
)

func TestDoctor(t *testing.T) {
	t.Parallel()
	_, r := rig.WithServer(t)
	r.App = "shop"
	c := at(t, r)
	out, _ := c.run(exitDone, "doctor")
	version := "ok    version                    " // redis or valkey
	if !r.Since(7, 0) {
		version = "note  version                    redis 6"
	}
	want(t, out, "ok    reach ", version, "mode standalone", "ok    maxmemory-policy           noeviction",
		"note  notify-keyspace-events     \"\"\n      HandleEnd", "ok    clock ", "ok    latency ", "ok    permissions ")
	if keys := r.Keys(); len(keys) != 0 {
		t.Errorf("left behind: %v", keys)
	}
	for name, value := range map[string]string{"maxmemory-policy": "allkeys-lru", "notify-keyspace-events": "Kx"} {
		if err := r.Client.ConfigSet(t.Context(), name, value).Err(); err != nil {
			t.Fatal(err)
		}
	}
	out, _ = c.run(exitFailed, "doctor")
	want(t, out, "bad   maxmemory-policy           allkeys-lru\n      Redis deletes", "ok    notify-keyspace-events     ")
	if got := r.Client.ConfigGet(t.Context(), "notify-keyspace-events").Val()["notify-keyspace-events"]; len(got) != 2 {
		t.Errorf("the doctor has changed the flags to %q", got)
	}
}

// The doctor tries every permission that docs/redis.md lists.
func TestDoctorKnowsAllPermissions(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../../../docs/redis.md")
	if err != nil {
		t.Fatal(err)
	}
	_, section, _ := strings.Cut(string(page), "\n## Permissions\n")
	section, _, _ = strings.Cut(section, "\n## ")
	source, err := os.ReadFile("permissions.go")
	if err != nil {
		t.Fatal(err)
	}
	known := map[string]bool{}
	for _, p := range commandsOf("k", true) {
		known[p.rule] = true
	}
	rules := regexp.MustCompile(`(?m)^ *\+.*$`).FindAllString(section, -1)
	count := 0
	for _, rule := range strings.Fields(strings.Join(rules, " ")) {
		count++
		if !known[rule] && !strings.Contains(string(source), `"`+rule+`"`) && !strings.Contains(string(source), `of("`+rule[1:]+`"`) {
			t.Errorf("the doctor does not try %s", rule)
		}
	}
	if count < 30 {
		t.Errorf("docs/redis.md lists %d commands", count)
	}
}
