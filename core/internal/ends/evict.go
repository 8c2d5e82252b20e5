package ends

import (
	"context"

	"github.com/berthgo/berth/core/internal/store"
)

// warnOfEviction warns of servers that delete keys when their memory is full: what they delete has no
// end. Where CONFIG is forbidden there is no warning.
func (s *sweeper) warnOfEviction(ctx context.Context) {
	masters, err := store.Masters(ctx, s.Store.Client)
	if err != nil {
		return
	}
	for _, master := range masters {
		limit := master.ConfigGet(ctx, "maxmemory").Val()["maxmemory"]
		policy := master.ConfigGet(ctx, "maxmemory-policy").Val()["maxmemory-policy"]
		if limit != "" && limit != "0" && policy != "" && policy != "noeviction" {
			s.Logger.WarnContext(ctx, "Redis deletes keys when its memory is full, and the ends of these sessions are lost: set maxmemory-policy noeviction",
				"app", s.App, "policy", policy, "server", master.Addr)
		}
	}
}
