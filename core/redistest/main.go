package redistest

import (
	"context"
	"errors"
	"log"
	"os"
)

// Main runs the tests of a package with a Redis that it gets from [Acquire], and ends the process
// with their result. A TestMain calls it, with its *testing.M:
//
//	func TestMain(m *testing.M) {
//		redistest.Main(m, func(url string) { redisURL = url }, func() error { return goleak.Find() })
//	}
//
// use gets the URL before the tests run. If there is no Redis, use is not called. One line of the
// log then says what was skipped and how to have it run. check is called when the tests are done
// and the server is stopped. If it returns an error, the run fails.
func Main(m interface{ Run() int }, use func(url string), check func() error) {
	r, err := Acquire(context.Background())
	switch {
	case err == nil:
		use(r.URL)
	case errors.Is(err, ErrUnavailable):
		log.Print(err)
	default:
		log.Fatal(err)
	}
	code := m.Run()
	if err := errors.Join(r.Stop(), check()); err != nil && code == 0 {
		log.Print(err)
		code = 1
	}
	os.Exit(code)
}
