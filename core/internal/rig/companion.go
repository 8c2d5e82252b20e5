package rig

import (
	"context"
	"time"
)

// Companion returns what a program finds that knows nothing but the session ID.
func (r *Rig) Companion(id string) (string, time.Duration) {
	r.T.Helper()
	return r.lookUp(HandleOf(id))
}

// CompanionProof returns what stands beside the companion.
func (r *Rig) CompanionProof(id string) (string, time.Duration) {
	r.T.Helper()
	return r.lookUp("{" + HandleOf(id) + "}_Proof")
}

func (r *Rig) lookUp(key string) (value string, ttl time.Duration) {
	ctx := context.Background()
	return r.Client.Get(ctx, key).Val(), r.Client.PTTL(ctx, key).Val()
}

// NoCompanion tells that there is none; what stands beside it is for a minute at most.
func (r *Rig) NoCompanion(id string) bool {
	r.T.Helper()
	_, ttl := r.CompanionProof(id)
	return !r.Exists(HandleOf(id)) && ttl <= time.Minute
}
