package session

import "reflect"

// Get returns the value under key as a T. The error is [ErrNoValue] if there is
// none, and a [*ValueError] if it cannot be decoded as a T; the stored value stays
// as it is then, and so do all others. On a session that was rolled back, or whose
// commit is done, Get still answers.
//
// Get of the same T returns the same value: with a pointer, a map or a slice, what
// a handler changes in place is seen by others that get it, and is written by the
// commit; but not by that of a [ReadOnly] session, nor after the commit, which
// nothing reports. To append to a slice, or change a struct, in place, get a pointer to
// it: what Get[Cart] returns is a copy, that has to be Set again. Get is safe for
// concurrent use by a handler's goroutines; what it returned is theirs to guard.
func Get[T any](s *Session, key string) (T, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var zero T
	v := s.value(key)
	if v == nil || v.deleted {
		return zero, ErrNoValue
	}
	for _, view := range v.views {
		if t, ok := view.v.(T); ok {
			return t, nil
		}
	}
	if t, ok := v.seen.(T); ok && len(v.views) == 0 {
		return t, nil
	}
	// Held as another type, the value is what that has become.
	c := s.codec()
	content, changed, err := c.content(key, v)
	if err != nil {
		return zero, err
	}
	var t T
	if err := c.unmarshal(key, content, &t); err != nil {
		return zero, err
	}
	if !mutable(reflect.TypeFor[T]()) {
		v.seen = t
		return t, nil
	}
	if changed {
		v.settle(content)
	}
	v.views = append(v.views, view{v: t, base: content})
	return t, nil
}

// Key is the name of a value with the value's type, so that both are written down
// once:
//
//	const CartKey session.Key[*Cart] = "cart"
//
// A pointer lets a handler change the value in place, see [Get].
type Key[T any] string

// Get is [Get] of the key's type.
func (k Key[T]) Get(s *Session) (T, error) { return Get[T](s, string(k)) }

// Set is [Session.Set] of the key's type.
func (k Key[T]) Set(s *Session, value T) { s.Set(string(k), value) }

// Delete is [Session.Delete].
func (k Key[T]) Delete(s *Session) { s.Delete(string(k)) }

// Has is [Session.Has].
func (k Key[T]) Has(s *Session) bool { return s.Has(string(k)) }
