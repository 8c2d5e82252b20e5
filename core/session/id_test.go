package session_test

import (
	"context"
	"strings"
	"testing"

	"github.com/berthgo/berth/core/session"
)

// peers.md 10, 21: an ID that the client made up, or that has expired, is not
// adopted, and leaves no lock behind.
func TestUnknownIDIsNotAdopted(t *testing.T) {
	onEach(t, func(t *testing.T, r *rig) {
		m := r.manager(session.Options{})
		made := strings.Repeat("a", 26)
		for _, access := range []session.Access{session.Exclusive, session.Shared, session.ReadOnly} {
			s := begin(t, m, made, access)
			if !s.IsNew() || s.ID() != "" {
				t.Errorf("%v: the unknown ID was adopted", access)
			}
			if keys := r.keys(); len(keys) != 0 {
				t.Errorf("%v: the unknown ID left %v", access, keys)
			}
			if access == session.ReadOnly {
				continue
			}
			s.Set("a", 1)
			commit(t, s)
			if s.ID() == made || len(s.ID()) != 26 {
				t.Errorf("%v: saved under the unknown ID", access)
			}
			if err := m.End(context.Background(), s.ID()); err != nil {
				t.Fatal(err)
			}
			r.client.Del(context.Background(), r.keys()...)
		}
	})
}

func TestMalformedIDsNeverReachRedis(t *testing.T) {
	onEach(t, func(t *testing.T, r *rig) {
		client, count := r.newClient(), &trips{}
		client.AddHook(count)
		m := r.managerOn(client, session.Options{})
		for _, id := range []string{
			"", "a", strings.Repeat("a", 25), strings.Repeat("a", 27), strings.Repeat("A", 26), strings.Repeat("1", 26),
			strings.Repeat("a", 25) + "}", strings.Repeat("a", 25) + "\n", strings.Repeat("ä", 13), strings.Repeat("x", 10_000),
		} {
			s := begin(t, m, id, session.Exclusive)
			if !s.IsNew() {
				t.Errorf("%d bytes were taken for an ID", len(id))
			}
			commit(t, s)
			if err := m.End(context.Background(), id); err == nil {
				t.Error("ended a session of a malformed ID")
			}
		}
		if n := count.n.Load(); n != 0 {
			t.Errorf("%d calls to Redis", n)
		}
	})
}

func TestHashedIDs(t *testing.T) {
	onEach(t, func(t *testing.T, r *rig) {
		m := r.manager(session.Options{HashIDs: true})
		id := saved(t, m, "n", 1)
		for _, key := range r.keys() {
			if strings.Contains(key, id) {
				t.Error("the ID is in Redis")
			}
			stored := key[len("{"+r.app+"_"):][:26]
			if !begin(t, m, stored, session.ReadOnly).IsNew() {
				t.Error("what is in Redis opens the session")
			}
		}
		s := begin(t, m, id, session.Exclusive)
		s.Set("n", get[int](t, s, "n")+1)
		s.Rotate()
		commit(t, s)
		if get[int](t, view(t, m, s.ID()), "n") != 2 {
			t.Error("not found by its ID")
		}
		if err := m.End(context.Background(), s.ID()); err != nil {
			t.Error(err)
		}
	})
}

func TestIDsAreRandom(t *testing.T) {
	onEach(t, func(t *testing.T, r *rig) {
		m := r.manager(session.Options{})
		seen := map[string]bool{}
		var letters [26]map[byte]bool
		for range 1000 {
			id := saved(t, m)
			if seen[id] || len(id) != 26 || strings.Trim(id, "abcdefghijklmnopqrstuvwxyz234567") != "" {
				t.Fatal("not a new ID of 26 characters")
			}
			seen[id] = true
			for i := range id {
				if letters[i] == nil {
					letters[i] = map[byte]bool{}
				}
				letters[i][id[i]] = true
			}
		}
		for i := range letters {
			if len(letters[i]) != 32 {
				t.Errorf("place %d takes %d values in 1000 IDs, want all 32", i, len(letters[i]))
			}
		}
	})
}
