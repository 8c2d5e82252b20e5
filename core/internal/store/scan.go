package store

import (
	"context"
	"fmt"
	"iter"
	"strconv"
	"sync"

	"github.com/redis/go-redis/v9"
)

// scanCount is how many keys one SCAN looks at.
const scanCount = 500

// Repeat repeats a call that failed, as far as that makes sense.
type Repeat func(call func() error) error

// Scan yields every live session whose handle is valid, from all masters. It also yields sessions
// that cannot be read, with their Err. It stops after the first other error.
func (s *Store) Scan(ctx context.Context, valid func(handle string) bool, fields []string, again Repeat) iter.Seq2[Inspected, error] {
	return func(yield func(Inspected, error) bool) {
		var masters []*Master
		err := again(func() (err error) {
			masters, err = Masters(ctx, s.Client)
			return err
		})
		if err != nil {
			yield(Inspected{}, err)
			return
		}
		for _, master := range masters {
			if !s.scan(ctx, master, valid, fields, again, yield) {
				return
			}
		}
	}
}

func (s *Store) scan(ctx context.Context, master *Master, valid func(handle string) bool, fields []string, again Repeat, yield func(Inspected, error) bool) bool {
	for cursor := uint64(0); ; {
		found, next, err := s.step(ctx, master, cursor, scanCount, valid, fields, again)
		for _, one := range found {
			if !yield(one, nil) {
				return false
			}
		}
		if err != nil {
			yield(Inspected{}, err)
			return false
		}
		if cursor = next; cursor == 0 {
			return true
		}
	}
}

// Master is a server that has keys of its own.
type Master struct {
	redis.UniversalClient
	Addr string // "" if there is only one
}

// Masters returns the servers behind a client: all masters of a cluster, all shards
// of a ring, or the one server.
func Masters(ctx context.Context, client redis.UniversalClient) ([]*Master, error) {
	var mu sync.Mutex
	var masters []*Master
	add := func(_ context.Context, c *redis.Client) error {
		mu.Lock()
		defer mu.Unlock()
		masters = append(masters, &Master{c, c.Options().Addr})
		return nil
	}
	var err error
	switch typed := client.(type) {
	case interface {
		ForEachMaster(context.Context, func(context.Context, *redis.Client) error) error
	}:
		err = typed.ForEachMaster(ctx, add)
	case interface {
		ForEachShard(context.Context, func(context.Context, *redis.Client) error) error
	}:
		err = typed.ForEachShard(ctx, add)
	case interface{ Options() *redis.Options }:
		masters = []*Master{{client, ""}}
	default:
		return nil, fmt.Errorf("it is not known which servers are behind a client of type %T: embed *redis.Client, *redis.ClusterClient or *redis.Ring in it, or give it a method ForEachMaster", client)
	}
	return masters, err
}

// Database is the number of the database that the client uses. If the client does not tell, it is
// "*", a pattern for any number.
func (m *Master) Database() string {
	switch client := m.UniversalClient.(type) {
	case *redis.Client:
		return strconv.Itoa(client.Options().DB)
	case *redis.ClusterClient:
		return "0"
	}
	return "*"
}

// Ping asks every master whether it answers, and one of them for a session that nobody has: a server that refuses
// what berth writes refuses that too. It returns the first error.
func (s *Store) Ping(ctx context.Context) error {
	masters, err := Masters(ctx, s.Client)
	if err != nil {
		return err
	}
	if len(masters) > 1 {
		for _, master := range masters {
			if err := master.Ping(ctx).Err(); err != nil {
				return err
			}
		}
	}
	_, err = s.Peek(ctx, "ping", "")
	return err
}
