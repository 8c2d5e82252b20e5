package session_test

import (
	"bytes"
	"context"
	"strings"
	"testing"

	"github.com/berthgo/berth/core/session"
)

func TestEncryption(t *testing.T) {
	one, two := bytes.Repeat([]byte{1}, 32), bytes.Repeat([]byte{2}, 16)
	onEach(t, func(t *testing.T, r *rig) {
		ctx := context.Background()
		var c changes
		m := r.Manager(session.Options{EncryptionKeys: []session.EncryptionKey{one}, Hooks: c.hooks()})
		id := saved(t, m, "a", "visible", "b", "other")
		for _, field := range []string{"a", "b"} {
			if v := r.HGet(id, field); strings.Contains(v, "visible") || strings.Contains(v, "other") || v == "" {
				t.Error("the value is readable")
			}
		}
		c = changes{}
		s := begin(t, m, id, session.Exclusive)
		s.Set("a", "visible")
		get[*string](t, s, "b")
		commit(t, s)
		c.want(t, "the same values", "", "")

		// Moved to another field or session, a value does not open.
		r.Client.HSet(ctx, r.Key(id, "Data"), "b", r.HGet(id, "a"))
		if _, err := session.Get[string](view(t, m, id), "b"); err == nil || strings.Contains(err.Error(), "visible") {
			t.Errorf("a value of another field: %v", err)
		}
		other := saved(t, m, "a", "mine")
		r.Client.HSet(ctx, r.Key(other, "Data"), "a", r.HGet(id, "a"))
		if _, err := session.Get[string](view(t, m, other), "a"); err == nil {
			t.Error("a value of another session opened")
		}
		for _, bad := range []string{"", "x", `"visible"`, r.HGet(id, "a")[:20], r.HGet(id, "a") + "x"} {
			r.Client.HSet(ctx, r.Key(other, "Data"), "a", bad)
			if _, err := session.Get[string](view(t, m, other), "a"); err == nil {
				t.Errorf("%d bytes of something else opened", len(bad))
			}
		}

		// Rotated keys: the old value opens, the next write uses the new key.
		rotated := r.Manager(session.Options{EncryptionKeys: []session.EncryptionKey{two, one}})
		s = begin(t, rotated, id, session.Exclusive)
		if get[string](t, s, "a") != "visible" {
			t.Error("the old key does not open")
		}
		s.Set("a", "new")
		commit(t, s)
		if _, err := session.Get[string](view(t, m, id), "a"); err == nil {
			t.Error("the old key opens what the new one wrote")
		}

		// A rotation is signed with the new key, and leaves values alone.
		only := r.Manager(session.Options{EncryptionKeys: []session.EncryptionKey{two}})
		s = begin(t, rotated, id, session.Exclusive)
		s.Set("c", 1)
		s.Delete("b")
		s.Rotate()
		commit(t, s)
		if get[string](t, s, "a") != "new" {
			t.Error("after the rotation the handler cannot read")
		}
		s = view(t, only, s.ID())
		if get[string](t, s, "a") != "new" || get[int](t, s, "c") != 1 || s.Has("b") {
			t.Error("did not survive a rotation")
		}
	})
}

// Encryption goes around any codec.
func TestEncryptionOfAnyCodec(t *testing.T) {
	for name, codec := range map[string]session.Codec{
		"json": session.JSON{}, "gob": session.Gob{}, "raw": session.Raw{}, "one's own": upper{},
	} {
		t.Run(name, func(t *testing.T) {
			onEach(t, func(t *testing.T, r *rig) {
				keys := []session.EncryptionKey{bytes.Repeat([]byte{1}, 32)}
				var c changes
				m := r.Manager(session.Options{Codec: codec, EncryptionKeys: keys, Hooks: c.hooks()})
				id := saved(t, m, "k", "visible")
				if v := strings.ToLower(r.HGet(id, "k")); v == "" || strings.Contains(v, "visible") {
					t.Error("the value is readable")
				}
				c = changes{}
				s := begin(t, m, id, session.Exclusive)
				if get[string](t, s, "k") != "visible" {
					t.Error("came back otherwise")
				}
				s.Set("k", "visible")
				commit(t, s)
				c.want(t, "the same value", "", "")
				s = begin(t, m, id, session.Exclusive)
				s.Rotate()
				commit(t, s)
				if get[string](t, view(t, m, s.ID()), "k") != "visible" {
					t.Error("did not survive a rotation")
				}
			})
		})
	}
}
