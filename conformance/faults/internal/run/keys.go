package run

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/berthgo/berth/conformance/faults/internal/history"
)

const (
	handleLength = 26
	proofLength  = 32
)

// leftovers finds keys that would stay in Redis for ever.
func (r *running) leftovers(ctx context.Context) (found []history.Violation, err error) {
	keys, err := r.keys(ctx, "*")
	if err != nil {
		return nil, err
	}
	for _, key := range keys {
		ttl, err := r.client.PTTL(ctx, key).Result()
		if err != nil {
			return nil, err
		}
		if ttl == -1 && !strings.HasPrefix(key, "{"+r.plan.settings.App+"_Ends_") && !strings.HasPrefix(key, "control") {
			found = append(found, history.Violation{Check: "leftover", Text: "the key " + key + " has no TTL"})
		}
	}
	return found, nil
}

// awaitCompanions looks at the companions while sessions are still there. Berth may need some time for
// those of sessions that have ended. If a process dies that was to delete one, it stays until it expires.
func (r *running) awaitCompanions(ctx context.Context) error {
	excused := r.counts[kill] > 0
	for deadline := time.Now().Add(recovery); ; {
		stale, ended, err := r.companions(ctx)
		if err != nil {
			return err
		}
		late := time.Now().After(deadline)
		for _, handle := range stale {
			r.violations = append(r.violations, history.Violation{Check: "companion", Text: "a proof that was rotated away stands beside the companion of session " + handle})
		}
		if excused || len(ended) == 0 || late || len(stale) > 0 {
			for _, handle := range ended {
				if !excused {
					r.violations = append(r.violations, history.Violation{Check: "companion", Text: "session " + handle + " has ended, and its companion is still there"})
				}
			}
			return nil
		}
		if !rest(ctx, 50*time.Millisecond) {
			return ctx.Err()
		}
	}
}

// limit signs a user in once more, and then counts the sessions of that user which a client can open. If a
// process dies in a sign-in, there may be another one: nobody has its cookie.
func (r *running) limit(ctx context.Context, rng *rand.Rand) error {
	most := r.plan.settings.MaxPerPrincipal
	if most == 0 {
		return nil
	}
	for range most + 1 {
		r.insist(ctx, r.browsers[0], order{path: "signin", user: "0", nothing: true}, rng)
	}
	known := map[string]bool{}
	r.book.mu.Lock()
	for _, op := range r.book.ops {
		sum := sha256.Sum256([]byte(op.SetCookie))
		known[hex.EncodeToString(sum[:])[:proofLength]] = true
	}
	r.book.mu.Unlock()
	keys, err := r.keys(ctx, "{"+r.plan.settings.App+"_*}_Data")
	if err != nil {
		return err
	}
	count := 0
	for _, key := range keys {
		own, err := r.client.HMGet(ctx, key, "_berth", "_berth_secret").Result()
		if err != nil {
			return err
		}
		meta, _ := own[0].(string)
		proof, _ := own[1].(string)
		alive, err := r.client.Exists(ctx, strings.TrimSuffix(key, "Data")+"Timeout").Result()
		if err != nil {
			return err
		}
		facts := strings.SplitN(meta, " ", 6) // 2, timeout, created, extras, token, principal
		if len(facts) == 6 && facts[5] == "0" && known[proof] && (alive == 1 || !r.plan.settings.TrackEnd) {
			count++
		}
	}
	if count > most {
		r.violations = append(r.violations, history.Violation{Check: "limit", Text: fmt.Sprintf("a user has %d sessions, and MaxPerPrincipal is %d", count, most)})
	}
	return nil
}

// companions returns the sessions whose companion has an old proof, and those that have ended and have a
// companion.
func (r *running) companions(ctx context.Context) (stale, ended []string, err error) {
	keys, err := r.keys(ctx, "*")
	if err != nil {
		return nil, nil, err
	}
	prefix := "{" + r.plan.settings.App + "_"
	for _, key := range keys {
		if handle, ok := strings.CutSuffix(strings.TrimPrefix(key, "{"), "}_Proof"); ok && len(handle) == handleLength {
			proof, err := r.get(ctx, key)
			if err != nil {
				return nil, nil, err
			}
			rotated, err := r.get(ctx, prefix+handle+"}_Rotated")
			if err != nil {
				return nil, nil, err
			}
			if slices.Contains(keys, handle) && len(proof) == proofLength && strings.Contains(rotated, proof) {
				stale = append(stale, handle)
			}
		}
		if len(key) == handleLength && !strings.HasPrefix(key, "{") {
			meta, err := r.client.HGet(ctx, prefix+key+"}_Data", "_berth").Result()
			if err != nil && !errors.Is(err, redis.Nil) {
				return nil, nil, err
			}
			if meta == "" || strings.HasPrefix(meta, "2 retired ") {
				ended = append(ended, key)
			}
		}
	}
	return stale, ended, nil
}

func (r *running) get(ctx context.Context, key string) (string, error) {
	value, err := r.client.Get(ctx, key).Result()
	if errors.Is(err, redis.Nil) {
		err = nil
	}
	return value, err
}
