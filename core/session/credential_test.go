package session_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/berthgo/berth/core/session"
)

// Whoever watches Redis, reads its slow log, its keys or a dump finds no secret: not during a
// whole visit, with sign-in, rotations, wrong cookies, companions and ends.
func TestNoCredentialInRedis(t *testing.T) {
	t.Parallel()
	_, r := withServer(t, "--slowlog-log-slower-than", "0", "--slowlog-max-len", "100000")
	ctx := context.Background()
	monitor, err := net.Dial("tcp", r.Reach.Addrs[0])
	if err != nil {
		t.Fatal(err)
	}
	defer monitor.Close()
	if _, err := fmt.Fprint(monitor, "MONITOR\r\n"); err != nil {
		t.Fatal(err)
	}
	seen, done := make(chan string, 1), "the visit is over"
	go func() {
		var all strings.Builder
		for lines := bufio.NewScanner(monitor); lines.Scan(); {
			all.WriteString(lines.Text() + "\n")
			if strings.Contains(lines.Text(), done) {
				break
			}
		}
		seen <- all.String()
	}()

	m := r.Manager(session.Options{TrackEnd: true, MaxPerPrincipal: 2, LockTTL: 300 * time.Millisecond, MaxLifetime: time.Hour})
	other := r.Manager(session.Options{})
	var secrets []string
	issued := func(id string) string {
		if id != "" {
			secrets = append(secrets, id[27:])
		}
		return id
	}
	id := issued(saved(t, m, "cart", 1))
	for _, change := range []func(s *session.Session){
		func(s *session.Session) { s.SetPrincipal("ann"); s.SetCompanion("c") },
		(*session.Session).Rotate, (*session.Session).Reauthenticated,
		func(s *session.Session) { s.SetTimeout(time.Minute); s.Set("n", 1); s.Delete("cart") },
	} {
		for _, access := range []session.Access{session.ReadOnly, session.Shared} {
			s := begin(t, m, id, access)
			if access == session.Shared {
				s.Set("m", 1)
			}
			commit(t, s)
		}
		s := begin(t, m, id, session.Exclusive)
		waits := make(chan struct{})
		go func() { defer close(waits); commit(t, begin(t, other, id, session.Exclusive)) }()
		until(t, "another waits", func() bool { return r.Exists(r.Key(id, "Waiters")) })
		change(s)
		commit(t, s)
		<-waits
		begin(t, m, id, session.Shared).Rollback(ctx) // also after it was rotated away
		id = issued(s.ID())
	}
	begin(t, m, issued(handleOf(id)+session.NewID()[26:]), session.Exclusive).Rollback(ctx)
	begin(t, m, issued(session.NewID()), session.Exclusive).Rollback(ctx)
	for range 3 {
		issued(signIn(t, m, "ann"))
	}
	wantErr(t, m.End(ctx, issued(handleOf(id)+session.NewID()[26:])), session.ErrUnknown)
	if err := m.Do(ctx, issued(saved(t, m)), session.Exclusive, func(s *session.Session) error { s.Abandon(); return nil }); err != nil {
		t.Error(err)
	}
	for info, err := range m.Sessions(ctx) {
		if err != nil || errors.Is(info.End(ctx), session.ErrUnknown) {
			t.Error("Sessions or End failed")
		}
	}
	if err := r.Client.Echo(ctx, done).Err(); err != nil {
		t.Fatal(err)
	}

	client := r.Client.(*redis.Client)
	found := map[string]string{"MONITOR": <-seen}
	slow, err := client.SlowLogGet(ctx, -1).Result()
	if err != nil || len(slow) < 50 {
		t.Fatalf("%d entries in the slow log (%v)", len(slow), err)
	}
	found["SLOWLOG"] = fmt.Sprint(slow)
	keys, err := client.Keys(ctx, "*").Result()
	if err != nil || len(keys) == 0 {
		t.Fatal(err)
	}
	for _, key := range keys {
		found["DUMP"] += key + client.Dump(ctx, key).Val() + fmt.Sprint(client.HGetAll(ctx, key).Val())
	}
	for where, text := range found {
		for i, secret := range secrets {
			if strings.Contains(text, secret) {
				t.Errorf("%s shows secret %d of %d", where, i, len(secrets))
			}
		}
	}
	if !strings.Contains(found["MONITOR"], handleOf(id)) || !strings.Contains(found["MONITOR"], "_berth_secret") {
		t.Error("the visit was not watched")
	}
}
