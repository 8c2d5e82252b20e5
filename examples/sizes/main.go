// Command sizes starts a redis-server of its own, saves sessions of several kinds in it, and prints how much
// memory one session of each kind takes there.
package main

import (
	"context"
	"fmt"
	"io"
	"log"
	"os"
	"strconv"
	"strings"

	"github.com/redis/go-redis/v9"

	"github.com/berthgo/berth/core/redistest"
	"github.com/berthgo/berth/core/session"
)

// kind is a kind of session.
type kind struct {
	name    string
	options session.Options
	fill    func(s *session.Session, i int)
}

var kinds = []kind{
	{"a number", session.Options{}, func(s *session.Session, _ int) { s.Set("visits", 7) }},
	{"500 bytes in 10 values", session.Options{}, func(s *session.Session, _ int) {
		for n := range 10 {
			s.Set("value"+strconv.Itoa(n), text(50))
		}
	}},
	{"500 bytes in one value", session.Options{}, cart},
	{"  and a user", session.Options{}, signedIn},
	{"  and TrackEnd", session.Options{TrackEnd: true}, cart},
	{"  and a user and TrackEnd", session.Options{TrackEnd: true}, signedIn},
	{"  and a companion of 100 bytes", session.Options{}, func(s *session.Session, i int) {
		cart(s, i)
		s.SetCompanion(text(100))
	}},
	{"  and an encryption key", session.Options{EncryptionKeys: []session.EncryptionKey{make([]byte, 32)}}, cart},
	{"5,000 bytes in one value", session.Options{}, func(s *session.Session, _ int) { s.Set("cart", text(5000)) }},
	{"50,000 bytes in one value", session.Options{}, func(s *session.Session, _ int) { s.Set("cart", text(50_000)) }},
}

// text is a value that takes size bytes in JSON, with its quotes.
func text(size int) string { return strings.Repeat("x", size-2) }

func cart(s *session.Session, _ int) { s.Set("cart", text(500)) }

func signedIn(s *session.Session, i int) {
	cart(s, i)
	s.SetPrincipal("user-" + strconv.Itoa(i))
}

func main() {
	if err := run(context.Background(), os.Stdout, 2000); err != nil {
		log.Fatal(err)
	}
}

// run saves so many sessions of each kind, one kind after the other, and writes what one of them takes.
func run(ctx context.Context, w io.Writer, count int) error {
	server, err := redistest.Start(ctx, redistest.Options{})
	if err != nil {
		return err
	}
	defer func() { _ = server.Stop() }()
	client := redis.NewClient(&redis.Options{Addr: server.Addr()})
	defer func() { _ = client.Close() }()
	_, _ = fmt.Fprintf(w, "%-32s%14s%14s\n", "a session with", "MEMORY USAGE", "used_memory")
	for _, k := range kinds {
		usage, used, err := measure(ctx, client, k, count)
		if err != nil {
			return err
		}
		_, _ = fmt.Fprintf(w, "%-32s%14d%14d\n", k.name, usage, used)
	}
	return nil
}

// measure returns what Redis says of all keys together, and by how much its memory has grown, each for one session.
func measure(ctx context.Context, client *redis.Client, k kind, count int) (usage, used int, err error) {
	options := k.options
	options.App = "shop"
	m, err := session.New(client, options)
	if err != nil {
		return 0, 0, err
	}
	defer func() { _ = m.Close() }()
	if err := save(ctx, m, k, 0); err != nil { // Redis now has all scripts
		return 0, 0, err
	}
	if err := client.FlushAll(ctx).Err(); err != nil {
		return 0, 0, err
	}
	before, err := memory(ctx, client)
	if err != nil {
		return 0, 0, err
	}
	for i := range count {
		if err := save(ctx, m, k, i); err != nil {
			return 0, 0, err
		}
	}
	after, err := memory(ctx, client)
	if err != nil {
		return 0, 0, err
	}
	keys := client.Scan(ctx, 0, "*", 1000).Iterator()
	for keys.Next(ctx) {
		bytes, err := client.MemoryUsage(ctx, keys.Val(), 0).Result()
		if err != nil {
			return 0, 0, err
		}
		usage += int(bytes)
	}
	return usage / count, (after - before) / count, keys.Err()
}

func save(ctx context.Context, m *session.Manager, k kind, i int) error {
	return m.Do(ctx, "", session.Exclusive, func(s *session.Session) error {
		k.fill(s, i)
		return nil
	})
}

// memory is what Redis has allocated.
func memory(ctx context.Context, client *redis.Client) (bytes int, err error) {
	info, err := client.Info(ctx, "memory").Result()
	if err != nil {
		return 0, err
	}
	_, after, _ := strings.Cut(info, "\r\nused_memory:")
	figure, _, _ := strings.Cut(after, "\r\n")
	return strconv.Atoi(figure)
}
