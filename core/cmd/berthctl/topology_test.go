//go:build testall

package main

import (
	"strings"
	"testing"

	"github.com/redis/go-redis/v9"

	"github.com/berthgo/berth/core/internal/rig"
	"github.com/berthgo/berth/core/redistest"
)

// With what docs/redis.md lists, nothing is missing. Without an item of it, the doctor names that item.
func TestDoctorOfALeastPrivilegedUser(t *testing.T) {
	t.Parallel()
	_, r := rig.WithServer(t)
	r.App = "shop"
	c := at(t, r)
	c.env["REDIS_URL"] = strings.Replace(c.env["REDIS_URL"], "redis://", "redis://berth:hidden@", 1)
	grant := func(without string) {
		t.Helper()
		args := []any{"ACL", "SETUSER", "berth", "reset", "on", ">hidden", "resetchannels", "-@all"}
		for _, rule := range append(rig.Listed(`(?m)^[~&].*$`), rig.Permissions...) {
			if rule != without {
				args = append(args, rule)
			}
		}
		if err := r.Client.Do(t.Context(), args...).Err(); err != nil {
			t.Fatal(err)
		}
	}
	grant("")
	out, _ := c.run(exitDone, "doctor")
	want(t, out, "ok    permissions ")
	wantNot(t, out, "bad ", "hidden", "permission +")
	for _, rule := range append(rig.Listed(`(?m)^[~&].*$`), rig.Permissions...) {
		grant(rule)
		code := exitFailed
		switch rule {
		case "+publish", "+subscribe", "+psubscribe", "+ping", "+time", "+scan", "+config|get", "+config|set", "~??????????????????????????", "~{??????????????????????????}_Proof":
			code = exitDone
		}
		if strings.HasPrefix(rule, "&") {
			code = exitDone
		}
		out, _ := c.run(code, "doctor")
		if rule == "+config|get" || rule == "+config|set" {
			continue
		}
		want(t, out, "permission "+rule+" ")
	}
	grant("")
	m := r.Manager(rig.Tracked())
	id := rig.SignIn(t, m, "ann")
	listed, _ := c.run(exitDone, "ls")
	want(t, listed, rig.HandleOf(id))
	c.run(exitDone, "stats")
	c.run(exitDone, "show", rig.HandleOf(id))
	c.run(exitDone, "end-all", "ann", "--yes")
	c.run(exitDone, "aside")
	for _, key := range r.Keys() {
		if strings.Contains(key, "doctor") && r.Client.PTTL(t.Context(), key).Val() < 0 { // without del, it expires
			t.Errorf("left behind: %s", key)
		}
	}
}

func TestOnCluster(t *testing.T) {
	t.Parallel()
	redistest.NeedServer(t)
	cluster, err := redistest.StartCluster(t.Context(), redistest.ClusterOptions{FailAfter: rig.Patient})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cluster.Stop() })
	r := rig.New(t)
	r.To(redis.UniversalOptions{Addrs: cluster.Addrs(), IsClusterMode: true})
	m := r.Manager(rig.Tracked())
	for range 20 {
		rig.SignIn(t, m, "ann")
	}
	c := at(t, r)
	delete(c.env, "REDIS_URL")
	c.env["REDIS_ADDRS"], c.env["REDIS_CLUSTER"] = strings.Join(cluster.Addrs(), ","), "true"
	if got := c.objects("ls"); len(got) != 20 {
		t.Errorf("%d sessions", len(got))
	}
	if got := c.objects("stats")[0]; got["sessions"] != 20.0 || got["endsTracked"] != 20.0 {
		t.Errorf("stats are %v", got)
	}
	out, _ := c.run(exitDone, "doctor")
	if strings.Count(out, "mode cluster") != len(cluster.Nodes()) || strings.Count(out, "permissions ") != len(cluster.Nodes()) {
		t.Errorf("%d nodes:\n%s", len(cluster.Nodes()), out)
	}
	wantNot(t, out, "missing", "bad ")
	if got, _ := c.run(exitDone, "end-all", "ann", "--yes"); got != "ended 20\n" {
		t.Errorf("end-all prints %q", got)
	}
	// One node of it, without Cluster.
	delete(c.env, "REDIS_CLUSTER")
	c.env["REDIS_ADDRS"] = cluster.Addrs()[0]
	out, _ = c.run(exitFailed, "doctor")
	want(t, out, "bad   cluster ", "--cluster or REDIS_CLUSTER=true")
}
