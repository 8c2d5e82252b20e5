package store

import (
	"context"
	"time"

	"github.com/redis/go-redis/v9"
)

// Queueing says what [Store.Begin] does when the lease is taken.
type Queueing string

// What to do when the lease is taken.
const (
	Once  Queueing = "once"  // nothing
	Queue Queueing = "queue" // wait in the queue
	Again Queueing = "again" // the same, for a process that may be in the queue already
)

// Loaded is what [Store.Begin] and [Store.Load] found.
type Loaded struct {
	Status Status
	Reason string // why it ended, with Retired; "" if not known

	// These are known with Done.
	Meta   Meta
	Proof  string
	MAC    string
	Fields map[string]string // the values, without the engine's own fields

	// Left is how long the session lives without a request, from [Store.Peek].
	Left time.Duration

	// Keys are those of [Keys.Request], from [Store.Begin] for [Store.Commit].
	Keys []any

	// Gone tells that the session ended or was rotated between the script and the HGETALL after it.
	// The caller must release the lease that [Store.Begin] took.
	Gone bool
}

// Begin takes the lease of a session for a token, loads the session and starts its idle time anew.
// Give each try a token of its own.
func (s *Store) Begin(ctx context.Context, handle, proof, token string, q Queueing) (Loaded, error) {
	keys := s.Keys.Request(handle)
	l, err := s.begin(ctx, handle, keys, proof, token, q)
	l.Status, err = complete(l.Status, err)
	l.Keys = keys
	return l, err
}

func (s *Store) begin(ctx context.Context, handle string, keys []any, proof, token string, q Queueing) (Loaded, error) {
	if q == Queue && s.short() {
		l, err := s.loading(ctx, beginScript, keys, proof, false, token, ms(s.LockTTL), proof)
		if err != nil || l.Status != incomplete {
			return l, err
		}
	}
	full := q == Again || s.Sharded
	return s.loading(ctx, beginScript, s.whole(handle, keys), proof, full, token, ms(s.LockTTL), proof, string(q), s.channels(), ms(s.Lifetime), fields(full))
}

// shortLease is the longest lease for which the short form of load.lua may be used. That form does
// not look at the lease, and answers 0 if the idle timeout is shorter than this.
const shortLease = 10 * time.Second

// Load loads a session without a lease and starts its idle time anew.
func (s *Store) Load(ctx context.Context, handle, proof string) (Loaded, error) {
	if s.short() && s.LockTTL <= shortLease {
		l, err := s.loading(ctx, loadScript, []any{s.Keys.Data(handle)}, proof, false, proof)
		if err != nil || l.Status != incomplete {
			return l, err
		}
	}
	keys := []any{s.Keys.Data(handle), s.Keys.Alive(handle), s.Keys.Rotated(handle), s.Keys.Lock(handle)}
	l, err := s.loading(ctx, loadScript, keys, proof, s.Sharded, proof, ms(s.Lifetime), fields(s.Sharded))
	if redis.IsTryAgainError(err) {
		return s.loadAlone(ctx, handle, proof, err)
	}
	l.Status, err = complete(l.Status, err)
	return l, err
}

// Peek loads a session and leaves its idle time alone.
func (s *Store) Peek(ctx context.Context, handle, proof string) (Loaded, error) {
	c := call{append(s.dataKeys(handle), s.Keys.Rotated(handle)), []any{proof}}
	value, err := peekScript.run(ctx, s, c.keys, c.args...)
	r, _ := peekScript.runAlone(ctx, s, c, reply{value, err})
	l, err := loaded(r.value, r.err)
	l.Status, err = complete(l.Status, err)
	return l, err
}

// loading runs a script that loads a session. A HGETALL in the same round trip loads the fields. With
// full, the script returns the fields: on a cluster, and for requests that wait in the queue, because
// most of their tries find nothing to load.
func (s *Store) loading(ctx context.Context, script script, keys []any, proof string, full bool, args ...any) (Loaded, error) {
	if full {
		return loaded(script.run(ctx, s, keys, args...))
	}
	reply, fields, err := script.runAndLoad(ctx, s, keys, args...)
	l, err := loaded(reply, err)
	if err != nil || l.Status != Done && l.Status != Retired {
		return l, err
	}
	// The session may have changed between the script and the HGETALL.
	reason, retired := retiredReason(fields[MetaField])
	switch {
	case l.Status == Retired:
		return Loaded{Status: Retired, Reason: reason}, nil
	case retired:
		return Loaded{Status: Retired, Reason: reason, Gone: true}, nil
	case fields[MetaField] == "":
		return Loaded{Status: Unknown, Gone: true}, nil
	case proof != "" && fields[SecretField] != proof:
		return Loaded{Status: Rotated, Gone: true}, nil
	}
	return found(fields)
}

// fields is the argument that asks a script to return the fields.
func fields(full bool) string {
	if full {
		return "fields"
	}
	return ""
}

func loaded(reply any, err error) (Loaded, error) {
	if err != nil {
		return Loaded{}, err
	}
	list, ok := reply.([]any)
	if !ok {
		code, err := perhaps(reply, nil)
		return Loaded{Status: code}, err
	}
	code, with, err := replied(list, map[Status]int{Done: 2, Retired: 2})
	if err != nil || len(with) == 0 {
		return Loaded{Status: code}, err
	}
	fields := fieldMap(with[0])
	if code != Done {
		reason, _ := retiredReason(fields[MetaField])
		return Loaded{Status: code, Reason: reason}, nil
	}
	l, err := found(fields)
	if len(with) > 1 {
		left, _ := with[1].(int64)
		l.Left = time.Duration(left) * time.Millisecond
	}
	return l, err
}

func found(fields map[string]string) (Loaded, error) {
	meta, err := ParseMeta(fields[MetaField])
	l := Loaded{Status: Done, Meta: meta}
	l.Proof, l.MAC, l.Fields = takeOwn(fields)
	return l, err
}

// takeOwn removes the engine's own fields from the fields of a session.
func takeOwn(fields map[string]string) (proof, mac string, values map[string]string) {
	proof, mac = fields[SecretField], fields[MACField]
	delete(fields, MetaField)
	delete(fields, SecretField)
	delete(fields, MACField)
	delete(fields, usedField)
	return proof, mac, fields
}

// fieldMap reads a hash that a script returned as a list: field, value, field, value, …
func fieldMap(reply any) map[string]string {
	list, _ := reply.([]any)
	fields := make(map[string]string, len(list)/2)
	for i := 0; i+1 < len(list); i += 2 {
		field, _ := list[i].(string)
		fields[field], _ = list[i+1].(string)
	}
	return fields
}
