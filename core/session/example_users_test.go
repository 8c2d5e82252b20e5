package session_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"net/http"
	"time"

	"github.com/berthgo/berth/core/session"
)

// request stands for a request with a session ID. It returns the ID that the client has afterwards.
func request(m *session.Manager, id string, access session.Access, f func(s *session.Session)) string {
	ctx := context.Background()
	s, err := m.Begin(ctx, id, access)
	if err != nil {
		log.Fatal(err)
	}
	defer s.Rollback(ctx)
	f(s)
	if err := s.Commit(ctx); err != nil {
		fmt.Println(err)
	}
	return s.ID()
}

// A flash message is seen once.
func ExampleKey_Pop() {
	m, end := open()
	defer end()
	const Flash session.Key[[]string] = "flash"

	id := request(m, "", session.Exclusive, func(s *session.Session) {
		Flash.Set(s, append(Flash.GetOr(s, nil), "Your order is on its way."))
	})
	for range 2 {
		request(m, id, session.Exclusive, func(s *session.Session) {
			fmt.Println(Flash.Pop(s))
		})
	}
	// Output:
	// [Your order is on its way.]
	// []
}

// "Stay signed in" is a line of the sign-in.
func ExampleSession_Remember() {
	m, end := open()
	defer end()

	id := request(m, "", session.Exclusive, func(s *session.Session) {
		s.SetPrincipal("ann")
		s.Remember(30 * 24 * time.Hour)
	})
	request(m, id, session.Peek, func(s *session.Session) {
		fmt.Println(s.Principal(), "for", s.TimeLeft().Round(time.Hour))
	})
	// Output:
	// ann for 720h0m0s
}

// A page that counts down must not keep the session alive.
func ExampleSession_TimeLeft() {
	m, end := open()
	defer end()

	id := request(m, "", session.Exclusive, func(s *session.Session) { s.Set("cart", "tea") })
	request(m, id, session.Peek, func(s *session.Session) {
		fmt.Println("your cart is kept for", s.TimeLeft().Round(time.Minute))
	})
	// Output:
	// your cart is kept for 20m0s
}

// A page of a user's devices.
func ExampleManager_SessionsOf() {
	m, end := open()
	defer end()
	const Browser session.Key[string] = "browser"

	for _, browser := range []string{"Firefox", "Safari"} {
		request(m, "", session.Exclusive, func(s *session.Session) {
			s.SetPrincipal("ann")
			Browser.Set(s, browser)
		})
	}
	devices, err := m.SessionsOf(context.Background(), "ann", string(Browser))
	if err != nil {
		log.Fatal(err)
	}
	for _, device := range devices {
		fmt.Println(Browser.GetOr(device.Session, "unknown"), "used", device.Idle.Round(time.Minute), "ago")
	}
	// Output:
	// Firefox used 0s ago
	// Safari used 0s ago
}

// With RefuseOverLimit, one sign-in too many is an error, with a status of its own.
func ExampleOptions_refuseOverLimit() {
	m, end := openWith(session.Options{App: "shop", MaxPerPrincipal: 1, RefuseOverLimit: true})
	defer end()
	signIn := func(s *session.Session) { s.SetPrincipal("ann") }

	request(m, "", session.Exclusive, signIn)
	ctx := context.Background()
	s, err := m.Begin(ctx, "", session.Exclusive)
	if err != nil {
		log.Fatal(err)
	}
	defer s.Rollback(ctx)
	signIn(s)
	err = s.Commit(ctx)
	status, _ := session.HTTPStatus(err)
	fmt.Println(errors.Is(err, session.ErrTooManySessions), http.StatusText(status))
	// Output:
	// true Conflict
}

// A socket closes when its user signs out elsewhere.
func ExampleSession_Watch() {
	m, end := open()
	defer end()
	signedIn := request(m, "", session.Exclusive, func(s *session.Session) { s.SetPrincipal("ann") })

	var watched context.Context
	request(m, signedIn, session.ReadOnly, func(s *session.Session) {
		var stop func()
		watched, stop = s.Watch(context.Background())
		_ = stop // a handler defers it
	})
	request(m, signedIn, session.Shared, func(s *session.Session) { s.Abandon() }) // in another tab
	<-watched.Done()
	var ended *session.EndedError
	fmt.Println(errors.As(context.Cause(watched), &ended), ended.Reason)
	// Output:
	// true abandoned
}

// Visitors who do not sign in cost a session for five minutes, and users for an hour.
func ExampleOptions_anonymousTimeout() {
	m, end := openWith(session.Options{App: "shop", Timeout: time.Hour, AnonymousTimeout: 5 * time.Minute})
	defer end()

	left := func(s *session.Session) { fmt.Println(s.TimeLeft().Round(time.Minute)) }
	id := request(m, "", session.Exclusive, func(s *session.Session) { s.Set("cart", "tea") })
	request(m, id, session.Peek, left)
	id = request(m, id, session.Exclusive, func(s *session.Session) { s.SetPrincipal("ann") })
	request(m, id, session.Peek, left)
	// Output:
	// 5m0s
	// 1h0m0s
}

// A page that changes a password asks for a sign-in not older than five minutes.
func ExampleSession_RequirePrincipal() {
	m, end := open()
	defer end()

	request(m, "", session.Exclusive, func(s *session.Session) {
		status, _ := session.HTTPStatus(s.RequirePrincipal(5 * time.Minute))
		fmt.Println(http.StatusText(status))
		s.SetPrincipal("ann")
		fmt.Println(s.RequirePrincipal(5 * time.Minute))
	})
	// Output:
	// Unauthorized
	// <nil>
}

func ExampleManager_Ping() {
	m, end := open()
	defer end()

	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	fmt.Println(m.Ping(ctx))
	// Output:
	// <nil>
}
