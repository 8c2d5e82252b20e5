package session

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"strconv"
	"strings"

	"github.com/berthgo/berth/core/internal/store"
	"github.com/berthgo/berth/core/internal/values"
)

// Get returns the value under key as a T. The error is [ErrNoValue] if there is none, and a
// [*ValueError] if it cannot be decoded as a T; the stored value then stays as it is. Get also
// works after the commit or the rollback.
//
// Get of the same T returns the same value each time. If T is a pointer, a map or a slice, a
// handler may change it in place, and the commit writes that. It does not write what is changed in
// a [ReadOnly] session or after the commit, and nothing reports that. To append to a slice or to
// change a struct, get a pointer to it: Get[Cart] returns a copy, which you would have to Set.
//
// Get is safe for concurrent use by a handler's goroutines. They must guard what it returned
// themselves.
func Get[T any](s *Session, key string) (T, error) {
	v, unreported, err := get[T](s, key)
	if unreported {
		s.fail(context.Background(), err)
	}
	return v, err
}

// GetOr is [Get] with a value for when there is none, or when it cannot be decoded as a T, as after
// a deploy that changed its type. The second case is a [*ValueError] that Hooks.OnError and Logger
// hear of, once for each value in a request.
func GetOr[T any](s *Session, key string, otherwise T) T {
	v, err := Get[T](s, key)
	if err != nil {
		return otherwise
	}
	return v
}

// Pop returns the value under key and deletes it, for what is to be seen once. If there is none, it
// returns the zero T, and changes nothing. If there is one, the session must be one that may be changed:
// with [ReadOnly] it is [ErrReadOnly]. A value that cannot be decoded as a T stays: Hooks.OnError
// and Logger hear of that, as with [GetOr].
func Pop[T any](s *Session, key string) T {
	s.look()
	v, err := values.Get[T](&s.values, key)
	if err == nil && s.state == open && !s.access.reads() { // in one step, so that one goroutine gets it
		s.dropped = s.dropped || s.detached == ended || s.detached == rotated
		s.values.Delete(key)
		s.mu.Unlock()
		return v
	}
	s.mu.Unlock()
	if v, err = Get[T](s, key); err == nil {
		s.Delete(key) // which reports why it must not be
	}
	return v
}

// get tells, too, whether nobody has heard of its error yet.
func get[T any](s *Session, key string) (v T, unreported bool, err error) {
	s.look()
	defer s.mu.Unlock()
	v, err = values.Get[T](&s.values, key)
	if err == nil || errors.Is(err, values.ErrNone) {
		return v, false, valueError(err)
	}
	if s.reported == nil {
		s.reported = make(map[string]bool)
	}
	unreported = !s.reported[key]
	s.reported[key] = true
	return v, unreported, valueError(err)
}

// valueError turns an error of package values into one of this package.
func valueError(err error) error {
	if err == nil {
		return nil
	}
	var failed *values.Error
	switch {
	case errors.Is(err, values.ErrNone):
		return ErrNoValue
	case errors.As(err, &failed):
		return &ValueError{Op: failed.Op, Key: failed.Key, Type: failed.Type, Err: failed.Err}
	}
	return fmt.Errorf("session: %w", err)
}

// Key is the name of a value together with its type:
//
//	const CartKey session.Key[*Cart] = "cart"
//
// With a pointer, a handler can change the value in place, see [Get].
type Key[T any] string

// Get is [Get] of the key's type.
func (k Key[T]) Get(s *Session) (T, error) { return Get[T](s, string(k)) }

// GetOr is [GetOr] of the key's type.
func (k Key[T]) GetOr(s *Session, otherwise T) T { return GetOr(s, string(k), otherwise) }

// Set is [Session.Set] of the key's type. An interface with methods is an error: no codec can
// decode into it.
func (k Key[T]) Set(s *Session, value T) {
	if t := reflect.TypeFor[T](); t.Kind() == reflect.Interface && t.NumMethod() > 0 {
		s.change("Set of "+strconv.Quote(string(k)), func() error {
			return fmt.Errorf("session: Set of %q: a %v cannot be decoded again; make it a Key of a concrete type", string(k), t)
		})
		return
	}
	s.Set(string(k), value)
}

// Pop is [Pop] of the key's type.
func (k Key[T]) Pop(s *Session) T { return Pop[T](s, string(k)) }

// Delete is [Session.Delete].
func (k Key[T]) Delete(s *Session) { s.Delete(string(k)) }

// Has is [Session.Has].
func (k Key[T]) Has(s *Session) bool { return s.Has(string(k)) }

// Has tells whether there is a value under key, be it nil.
func (s *Session) Has(key string) bool {
	s.look()
	defer s.mu.Unlock()
	return s.values.Has(key)
}

// Keys returns the keys of all values, sorted.
func (s *Session) Keys() []string {
	s.look()
	defer s.mu.Unlock()
	return s.values.Keys()
}

// Len returns the number of values.
func (s *Session) Len() int {
	s.look()
	defer s.mu.Unlock()
	return s.values.Len()
}

// Set puts a value under key. The commit encodes it, so a pointer, map or slice may still be
// changed until then. A nil is a value. The key must not be empty, and must not start with
// "_berth", as berth's own do.
func (s *Session) Set(key string, v any) {
	s.change("Set of "+strconv.Quote(key), func() error {
		if err := validKey(key); err != nil {
			return err
		}
		if _, isJSON := s.m.options.Codec.(JSON); isJSON && values.LosesAll(v) {
			return fmt.Errorf("session: Set of %q: nothing of a %T would be saved, as it has no exported fields", key, v)
		}
		s.values.Set(key, v)
		return nil
	})
}

// validKey returns why there is no value under a key, nil if there may be one.
func validKey(key string) error {
	if key == "" || strings.HasPrefix(key, store.Reserved) {
		return fmt.Errorf("session: the key %q: it must not be empty nor start with %s, as the engine's own do", key, store.Reserved)
	}
	return nil
}

// Delete removes the value under key, if there is one.
func (s *Session) Delete(key string) {
	s.change("Delete of "+strconv.Quote(key), func() error {
		s.values.Delete(key)
		return nil
	})
}

// Clear removes all values. The session, its ID and its principal stay; to end
// it there is [Session.Abandon].
func (s *Session) Clear() {
	s.change("Clear", func() error {
		for _, key := range s.values.Keys() {
			s.values.Delete(key)
		}
		return nil
	})
}

// changes returns the values that a commit has to write. They must not make the session larger
// than MaxBytes or MaxFields; one that is larger already may shrink.
func (s *Session) changes() (values.Changes, error) {
	c, err := s.values.Changes()
	if err != nil {
		return values.Changes{}, valueError(err)
	}
	before, after := c.Before+len(s.draft.Saved.Principal), c.After+len(s.draft.Principal)
	if limit := s.m.options.MaxBytes; after > limit && after > before {
		return values.Changes{}, fmt.Errorf("%w (it would have %d bytes, MaxBytes is %d)", ErrTooLarge, after, limit)
	}
	if n, limit := s.values.Len(), s.m.options.MaxFields; n > limit && n > s.values.Stored() {
		return values.Changes{}, fmt.Errorf("%w (it would have %d values, MaxFields is %d)", ErrTooLarge, n, limit)
	}
	return c, nil
}
