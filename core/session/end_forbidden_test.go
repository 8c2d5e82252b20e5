package session_test

import (
	"slices"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/berthgo/berth/core/session"
)

// Where CONFIG and subscriptions are forbidden, notifications are not to be had; the ends
// are handled by the sweep all the same.
func TestEndsWithoutAnyPermissionToListen(t *testing.T) {
	t.Parallel()
	_, r := withServer(t, "--notify-keyspace-events", "KEA")
	admin := r.Client.(*redis.Client)
	deaf := []string{"-config", "-subscribe", "-psubscribe", "-ssubscribe", "-client"}
	rules := slices.Concat([]string{"berth", "on", ">secret", "~*", "&*", "+@all"}, deaf)
	if err := admin.ACLSetUser(t.Context(), rules[0], rules[1:]...).Err(); err != nil {
		t.Fatal(err)
	}
	r.Reach.Username, r.Reach.Password = "berth", "secret"
	m := r.Manager(tracked(func(o *session.Options) {
		o.EndNotifications, o.EndSweep = true, 50*time.Millisecond
	}))
	var h endings
	handleEnds(t, m, h.Handle)
	for range 3 {
		endsAtOnce(t, m, &h)
	}
	until(t, "all are counted as handled", func() bool { return m.Stats().EndsHandled == 3 })
	if n := admin.PubSubNumPat(t.Context()).Val(); n != 0 {
		t.Errorf("%d subscriptions, though they are forbidden", n)
	}
}
