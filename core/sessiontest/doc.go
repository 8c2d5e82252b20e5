// Package sessiontest is for the tests of an application that keeps its sessions with berth: of
// its handlers, and of code that finds a session in its context.
//
//	func TestCart(t *testing.T) {
//		sessions := sessiontest.New(t, session.Options{})
//		shop := newShop(sessions.Manager) // the application's own handler, with its middleware
//		client := sessions.Client(shop, sessions.SignIn("ann", sessiontest.Values{"cart": []string{"tea"}}))
//
//		response, err := client.Get("/cart")
//		…
//		cart, err := session.Get[[]string](sessions.Session(client.Cookie()), "cart")
//
// [New] gives each test a Redis of its own, inside the process, so tests can run in parallel. All
// of it also works in a bubble of testing/synctest.
//
// A session is named by its cookie: [Sessions.SignIn] makes one, [Sessions.Cookie] takes it from a
// response, and [Client.Cookie] from a client. What a test sets up by itself calls no hooks of the
// application but OnStart, is not counted in the Manager's Stats, and works while
// [Sessions.FailRedis] fails the calls of the application.
//
// The package knows the API of session, and the names of keys in Redis. It never knows a framework.
package sessiontest
