package ends

import (
	"context"
	"errors"
	"strings"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/berthgo/berth/core/internal/retry"
	"github.com/berthgo/berth/core/internal/store"
	"github.com/berthgo/berth/core/internal/subscription"
)

// listen pokes the bucket of every session that expires, until ctx ends. It subscribes to every
// master, and looks for new masters in each Sweep. A notification only says where to look: without
// any, the sweep finds the same ends later.
//
// See https://redis.io/docs/latest/develop/use/keyspace-notifications/: a server sends
// notifications if its notify-keyspace-events has K or E, and x or A. A node of a cluster sends
// only those of its own keys, and only to clients that subscribed there.
func (s *sweeper) listen(ctx context.Context) {
	var listeners sync.WaitGroup
	defer listeners.Wait()
	heard := make(map[string]listener) // by the master's address
	defer func() {
		for _, l := range heard {
			l.stop()
		}
	}()
	ticker := time.NewTicker(s.Sweep)
	defer ticker.Stop()
	for {
		if masters, err := store.Masters(ctx, s.Store.Client); err == nil {
			there := make(map[string]*store.Master)
			for _, master := range masters {
				there[master.Addr] = master
			}
			for addr, l := range heard {
				// A node that left and came back has another client.
				if there[addr] == nil || there[addr].UniversalClient != l.client {
					l.stop()
					delete(heard, addr)
				}
			}
			for addr, master := range there {
				if _, listens := heard[addr]; listens {
					continue
				}
				own, stop := context.WithCancel(ctx)
				heard[addr] = listener{master.UniversalClient, stop}
				listeners.Go(func() { s.listenTo(own, master) })
			}
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return
		}
	}
}

// listener is the subscription to one master.
type listener struct {
	client redis.UniversalClient
	stop   context.CancelFunc
}

// listenTo keeps the subscription to one master until ctx ends.
func (s *sweeper) listenTo(ctx context.Context, master *store.Master) {
	keys, db := s.Store.Keys, master.Database()
	subscription.Keep(ctx, subscription.Subscription{
		Open: func(ctx context.Context) *redis.PubSub {
			if s.Notifications {
				s.turnOn(ctx, master)
			}
			return master.PSubscribe(ctx,
				"__keyspace@"+db+"__:"+keys.AllAlive(), "__keyevent@"+db+"__:expired")
		},
		Hear: func(message any) {
			switch message := message.(type) {
			case *redis.Subscription:
				s.pokes.all() // notifications may have been missed
			case *redis.Message:
				_, key, _ := strings.Cut(message.Channel, "__:")
				if key == "expired" {
					key = message.Payload
				} else if message.Payload != "expired" {
					return
				}
				if handle, ok := keys.AliveHandle(key); ok {
					s.pokes.poke(store.Bucket(handle))
				}
			}
		},
		Lost: func() {},
	})
}

// turnOn makes a server send what listen needs, in addition to what it sends already. It is no
// failure if CONFIG is forbidden or unknown: ends are only handled later.
func (s *sweeper) turnOn(ctx context.Context, master *store.Master) {
	const setting = "notify-keyspace-events"
	now, err := master.ConfigGet(ctx, setting).Result()
	if err == nil {
		flags := now[setting]
		if want := withExpired(flags); want != flags {
			err = master.ConfigSet(ctx, setting, want).Err()
		}
	}
	var answer redis.Error
	if errors.As(err, &answer) && !retry.Heals(err) && !s.refused.Swap(true) {
		s.Logger.InfoContext(ctx, "keyspace notifications could not be turned on; ends of sessions are found by looking",
			"app", s.App, "every", s.Sweep, "error", err)
	}
}

// withExpired adds to the flags of notify-keyspace-events those for keys that expire.
func withExpired(flags string) string {
	if !strings.ContainsAny(flags, "KE") {
		flags += "K"
	}
	if !strings.ContainsAny(flags, "xA") {
		flags += "x"
	}
	return flags
}
