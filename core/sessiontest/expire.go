package sessiontest

import (
	"context"
	"net/http"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/berthgo/berth/core/internal/store"
)

// expire makes the TTLs of a session's keys shorter by what is left of its idle time. KEYS[1] lives
// for that time.
var expire = redis.NewScript(`
local left = redis.call('PTTL', KEYS[1])
for _, key in ipairs(KEYS) do
  local ttl = redis.call('PTTL', key)
  if ttl >= 0 then redis.call('PEXPIRE', key, ttl - left) end
end
return left`)

// Expire lets the idle time of a cookie's session pass in Redis at once. No time passes for other
// sessions, nor in this process. The commit of a request that holds the session is
// [session.ErrEnded]. With TrackEnd, the session's data stay for EndRetention, and
// [Sessions.HandleEnds] hands its end out. A watch ends with [session.Unknown] without TrackEnd, since
// for its process the session is gone before its time. It fails the test if there is no live session.
func (s *Sessions) Expire(cookie *http.Cookie) {
	s.t.Helper()
	handle := s.handle(cookie)
	ctx := context.WithoutCancel(s.t.Context())
	k := s.keys()
	keys := []string{k.Data(handle), k.Rotated(handle), k.Merged(handle)}
	if s.options.TrackEnd {
		keys = append([]string{k.Alive(handle)}, keys...)
	}
	if err := expire.Run(ctx, s.redis, keys).Err(); err != nil {
		s.t.Fatalf("sessiontest: Expire: %v", err)
	}
	// A companion lives as long as its session, but was written a moment later.
	if err := s.redis.Del(ctx, store.Companion(handle), store.CompanionProof(handle)).Err(); err != nil {
		s.t.Fatalf("sessiontest: Expire: %v", err)
	}
	if s.options.TrackEnd {
		s.makeDue(ctx, k.Ends(store.Bucket(handle)), handle)
	}
}

// makeDue makes the end of a session due, if it is in the index.
func (s *Sessions) makeDue(ctx context.Context, bucket, handle string) {
	s.t.Helper()
	due := redis.Z{Score: float64(time.Now().UnixMilli()), Member: handle}
	if err := s.redis.ZAddXX(ctx, bucket, due).Err(); err != nil {
		s.t.Fatalf("sessiontest: %v", err)
	}
}

func (s *Sessions) keys() store.Keys {
	s.t.Helper()
	k, err := store.NewKeys(s.options.App, s.options.KeySeparator)
	if err != nil {
		s.t.Fatalf("sessiontest: %v", err)
	}
	return k
}
