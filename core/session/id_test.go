package session_test

import (
	"context"
	"strings"
	"testing"

	support "github.com/berthgo/berth/core/internal/rig"
	"github.com/berthgo/berth/core/session"
)

// An ID that the client made up, or that has expired, is not adopted, and leaves no lock
// behind.
func TestUnknownIDIsNotAdopted(t *testing.T) {
	onEach(t, func(t *testing.T, r *rig) {
		m := r.Manager(session.Options{})
		made := session.NewID()
		for _, access := range []session.Access{session.Exclusive, session.Shared, session.ReadOnly} {
			s := begin(t, m, made, access)
			if !s.IsNew() || s.ID() != "" {
				t.Errorf("%v: the unknown ID was adopted", access)
			}
			if keys := r.Keys(); len(keys) != 0 {
				t.Errorf("%v: the unknown ID left %v", access, keys)
			}
			if access == session.ReadOnly {
				continue
			}
			s.Set("a", 1)
			commit(t, s)
			if s.ID() == made || len(s.ID()) != 53 {
				t.Errorf("%v: saved under the unknown ID", access)
			}
			if err := m.End(context.Background(), s.ID()); err != nil {
				t.Fatal(err)
			}
			r.Client.Del(context.Background(), r.Keys()...)
		}
	})
}

func TestMalformedIDsNeverReachRedis(t *testing.T) {
	onEach(t, func(t *testing.T, r *rig) {
		client, count := r.NewClient(), &trips{}
		client.AddHook(count)
		m := r.ManagerOn(client, session.Options{})
		handle := strings.Repeat("a", 26)
		for _, id := range []string{
			"", "a", handle, handle + ".", handle + "." + handle[1:], handle + "." + handle + "a", handle + handle + "a", handle[1:] + "." + handle + "a",
			strings.ToUpper(handle) + "." + handle, handle + "." + strings.Repeat("1", 26), handle + "." + handle[1:] + "}", handle[1:] + "}." + handle,
			handle + "." + handle[1:] + "\n", handle + "." + strings.Repeat("ä", 13), handle + "." + handle + " ", strings.Repeat("x", 10_000),
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
		if n := count.N.Load(); n != 0 {
			t.Errorf("%d calls to Redis", n)
		}
	})
}

func TestIDsAreRandom(t *testing.T) {
	onEach(t, func(t *testing.T, r *rig) {
		m := r.Manager(session.Options{})
		seen := map[string]bool{}
		var letters [53]map[byte]bool
		for range 1000 {
			id := saved(t, m)
			if seen[id] || len(id) != 53 || strings.Trim(id, "abcdefghijklmnopqrstuvwxyz234567") != "." {
				t.Fatal("not a new ID of 53 characters")
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
			if i == 26 {
				continue // the dot
			}
			if len(letters[i]) != 32 {
				t.Errorf("place %d takes %d values in 1000 IDs, want all 32", i, len(letters[i]))
			}
		}
	})
}

// The rig of other packages' tests makes IDs by itself, and their proofs.
func TestIDsOfTheRig(t *testing.T) {
	t.Parallel()
	id := support.NewID()
	if own := session.NewID(); len(id) != len(own) || strings.Trim(id, "abcdefghijklmnopqrstuvwxyz234567") != "." || id[26] != '.' {
		t.Errorf("%q has not the form of %q", id, own)
	}
	if got, want := support.Proof(id), session.Proof(id); got != want {
		t.Errorf("the proof is %q, want %q", got, want)
	}
}
