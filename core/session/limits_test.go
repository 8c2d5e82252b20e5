package session_test

import (
	"bytes"
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/berthgo/berth/core/session"
)

func TestReservedAndEmptyKeys(t *testing.T) {
	onEach(t, func(t *testing.T, r *rig) {
		m := r.Manager(session.Options{})
		id := saved(t, m, "a", 1)
		for _, key := range []string{"", "_berth"} {
			s := begin(t, m, id, session.Exclusive)
			s.Set("a", 2)
			s.Set(key, 1)
			if err := s.Commit(context.Background()); err == nil {
				t.Errorf("the key %q was taken", key)
			}
			s.Rollback(context.Background())
			if s := view(t, m, id); s.IsNew() || get[int](t, s, "a") != 1 || s.Has(key) {
				t.Errorf("the key %q had an effect", key)
			}
		}
	})
}

func TestManyFields(t *testing.T) {
	onEach(t, func(t *testing.T, r *rig) {
		const n = 20_000
		m := r.Manager(session.Options{MaxFields: n})
		s := begin(t, m, "", session.Exclusive)
		for i := range n {
			s.Set(fmt.Sprint(i), i)
		}
		commit(t, s)
		id := s.ID()
		s = begin(t, m, id, session.Exclusive)
		if s.Len() != n {
			t.Fatalf("%d fields", s.Len())
		}
		for i := range n {
			s.Set(fmt.Sprint(i), i+1)
		}
		commit(t, s)
		s = begin(t, m, id, session.Exclusive)
		if got := get[int](t, s, "19999"); got != n {
			t.Errorf("the last is %d", got)
		}
		s.Rotate()
		commit(t, s)
		s = begin(t, m, s.ID(), session.Shared)
		s.Clear()
		s.Set("only", 1)
		commit(t, s)
		if got := r.Client.HLen(context.Background(), r.Key(s.ID(), "Data")).Val(); got != 3 {
			t.Errorf("%d fields are left", got)
		}
	})
}

func TestMaxBytes(t *testing.T) {
	onEach(t, func(t *testing.T, r *rig) {
		ctx := context.Background()
		m := r.Manager(session.Options{Codec: session.Raw{}})
		fits := bytes.Repeat([]byte("x"), 1<<20-1)
		id := saved(t, m, "k", fits)
		if got := len(get[[]byte](t, view(t, m, id), "k")); got != len(fits) {
			t.Fatalf("%d bytes came back", got)
		}
		for name, change := range map[string]func(s *session.Session){
			"a larger value": func(s *session.Session) { s.Set("k", append(fits, 'x')) },
			"a second value": func(s *session.Session) { s.Set("l", "") },
		} {
			s := begin(t, m, id, session.Exclusive)
			change(s)
			s.SetTimeout(time.Hour)
			wantErr(t, s.Commit(ctx), session.ErrTooLarge)
			s.Rollback(ctx)
			if s := view(t, m, id); s.Len() != 1 || len(get[[]byte](t, s, "k")) != len(fits) {
				t.Errorf("%s: something was written", name)
			}
		}
		s := begin(t, m, "", session.Exclusive)
		s.Set("k", append(fits, 'x'))
		wantErr(t, s.Commit(ctx), session.ErrTooLarge)
		s.Set("k", "small enough")
		commit(t, s)

		// A limit that was lowered does not lock a session in.
		tight := r.Manager(session.Options{Codec: session.Raw{}, MaxBytes: 100})
		s = begin(t, tight, id, session.Exclusive)
		s.Set("l", "more")
		wantErr(t, s.Commit(ctx), session.ErrTooLarge)
		s.Delete("l")
		s.Set("k", fits[:1000])
		commit(t, s)
	})
}

// Keys, values as they are stored, and the principal count, and what a change frees does not.
func TestMaxBytesToTheByte(t *testing.T) {
	const limit = 200
	for name, o := range map[string]session.Options{
		"plain":     {Codec: session.Raw{}, MaxBytes: limit},
		"encrypted": {Codec: session.Raw{}, MaxBytes: limit, EncryptionKeys: []session.EncryptionKey{make([]byte, 32)}},
	} {
		t.Run(name, func(t *testing.T) {
			onEach(t, func(t *testing.T, r *rig) {
				m := r.Manager(o)
				bytesOf := func(n int) []byte { return bytes.Repeat([]byte("x"), n) }
				existing := func() (s *session.Session, free, stored int) {
					s = begin(t, m, "", session.Exclusive)
					s.SetPrincipal("ann")
					s.Set("kept", bytesOf(5))
					s.Set("old", bytesOf(7))
					commit(t, s)
					s = begin(t, m, s.ID(), session.Exclusive)
					old := len("old") + len(r.HGet(s.ID(), "old"))
					return s, limit - len("ann") - len("kept") - len(r.HGet(s.ID(), "kept")) - old, old
				}
				for name, c := range map[string]func(s *session.Session, free, old, more int){
					"a new value": func(s *session.Session, free, old, more int) {
						s.Set("new", bytesOf(free-old+7+more)) // its key is as long as the old one
					},
					"a larger value": func(s *session.Session, free, _, more int) { s.Set("old", bytesOf(7+free+more)) },
					"a value in the place of another": func(s *session.Session, free, _, more int) {
						s.Delete("old")
						s.Set("new", bytesOf(7+free+more))
					},
				} {
					s, free, old := existing()
					c(s, free, old, 1)
					wantErr(t, s.Commit(context.Background()), session.ErrTooLarge)
					c(s, free, old, 0)
					if err := s.Commit(context.Background()); err != nil {
						t.Errorf("%s: %v", name, err)
					}

					// A limit that was lowered does not hinder what needs no more than before.
					tight := o
					tight.MaxBytes = limit / 2
					s = begin(t, r.Manager(tight), s.ID(), session.Exclusive)
					s.Set("kept", []byte("other"))
					commit(t, s)
				}
			})
		})
	}
}
