package session_test

import (
	"context"
	"errors"
	"fmt"
	"log"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"

	"github.com/berthgo/berth/core/session"
)

// open returns a manager on a Redis inside this process, and what ends both.
func open() (*session.Manager, func()) { return openWith(session.Options{App: "shop"}) }

func openWith(o session.Options) (*session.Manager, func()) {
	server, err := miniredis.Run()
	if err != nil {
		log.Fatal(err)
	}
	client := redis.NewClient(&redis.Options{Addr: server.Addr(), MaxRetries: -1, DialerRetries: 1})
	m, err := session.New(client, o)
	if err != nil {
		log.Fatal(err)
	}
	return m, func() {
		_ = m.Close()
		_ = client.Close()
		server.Close()
	}
}

func Example() {
	m, end := open()
	defer end()
	ctx := context.Background()

	visit := func(id string) string {
		s, err := m.Begin(ctx, id, session.Exclusive)
		if err != nil {
			log.Fatal(err)
		}
		defer s.Rollback(ctx)

		visits, err := session.Get[int](s, "visits")
		if err != nil && !errors.Is(err, session.ErrNoValue) {
			log.Fatal(err)
		}
		s.Set("visits", visits+1)
		if err := s.Commit(ctx); err != nil {
			log.Fatal(err)
		}
		fmt.Println("visit", visits+1)
		return s.ID()
	}
	id := visit("")
	visit(id)
	visit(id)
	// Output:
	// visit 1
	// visit 2
	// visit 3
}

func ExampleKey() {
	m, end := open()
	defer end()

	type Cart struct{ Items []string }
	const CartKey session.Key[*Cart] = "cart"

	err := m.Do(context.Background(), "", session.Exclusive, func(s *session.Session) error {
		CartKey.Set(s, &Cart{Items: []string{"tea"}})

		cart, err := CartKey.Get(s)
		if err != nil {
			return err
		}
		cart.Items = append(cart.Items, "jam") // in place: no second Set
		return nil
	})
	fmt.Println(err)
	// Output: <nil>
}

// A login changes the session ID, so that an ID planted before it is worthless.
func ExampleSession_SetPrincipal() {
	m, end := open()
	defer end()
	ctx := context.Background()

	s, _ := m.Begin(ctx, "", session.Exclusive)
	s.Set("cart", []string{"tea"})
	_ = s.Commit(ctx)
	before := s.ID()

	s, _ = m.Begin(ctx, before, session.Exclusive)
	s.SetPrincipal("ann")
	_ = s.Commit(ctx)
	fmt.Println("same ID:", s.ID() == before)

	s, _ = m.Begin(ctx, before, session.ReadOnly)
	fmt.Println("old ID detached:", s.Detached())
	// Output:
	// same ID: false
	// old ID detached: true
}

func ExampleManager_Do() {
	m, end := open()
	defer end()
	ctx := context.Background()

	err := m.Do(ctx, "", session.Exclusive, func(s *session.Session) error {
		s.Set("step", 1)
		return errors.New("the mail server is away") // nothing is saved
	})
	fmt.Println(err)
	// Output: the mail server is away
}
