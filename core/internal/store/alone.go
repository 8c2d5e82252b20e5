package store

import (
	"context"

	"github.com/redis/go-redis/v9"
)

// While a slot of a cluster moves to another node, Redis answers TRYAGAIN to a call that names several
// keys, unless all of them are there. Most sessions never have all of their keys. If nobody completes
// the move, that lasts for ever. Redis runs a call that names one key: where the key is, or, if it is
// nowhere, at the new node. So these forms name Data alone, and touch no other key.

// loadAlone is [Store.Load] of a session in a slot that moves. It returns err if one key is not enough.
func (s *Store) loadAlone(ctx context.Context, handle, proof string, err error) (Loaded, error) {
	if s.Tracked || s.Lifetime != 0 || s.LockTTL > shortLease {
		return Loaded{}, err
	}
	l, errAlone := s.loading(ctx, loadScript, []any{s.Keys.Data(handle)}, proof, false, proof)
	if errAlone == nil && l.Status == incomplete {
		return Loaded{}, err
	}
	return l, errAlone
}

// retireAlone is [Store.Retire] of a session in a slot that moves. It leaves the lease and its queue: they
// expire, and nobody gets a session that is retired by them. It returns err if the end of the session is
// tracked, because its data would have to move to another key.
func (s *Store) retireAlone(ctx context.Context, handle string, args []any, err error) (Status, Extras, error) {
	code, had, errAlone := withExtras(retireScript.run(ctx, s, []any{s.Keys.Data(handle)}, args...))
	if errAlone == nil && code == incomplete {
		return 0, Extras{}, err
	}
	return code, had, errAlone
}

// runAlone runs a script that only reads again with Data alone, if the reply says that the slot moves. It
// tells whether that was enough. If it was not, the reply stays as it is.
func (s script) runAlone(ctx context.Context, st *Store, c call, r reply) (reply, bool) {
	if !redis.IsTryAgainError(r.err) {
		return r, false
	}
	value, err := s.run(ctx, st, c.keys[:1], c.args...)
	if list, ok := value.([]any); err != nil || ok && len(list) > 0 && list[0] == int64(incomplete) {
		return r, false
	}
	return reply{value, err}, true
}
