package redistest

import (
	"context"
	"errors"
	"log"
	"os"
)

// Main runs the tests of a package with a Redis for them, by the policy of
// [Acquire], and ends the process with their result. It is called by a TestMain, with
// its *testing.M:
//
//	func TestMain(m *testing.M) {
//		redistest.Main(m, func(url string) { redisURL = url }, func() error { return goleak.Find() })
//	}
//
// Use gets the URL before the tests run; it is not called where there is no Redis, and
// then one line of the log says what was skipped and how to have it run. Check is
// called when the tests are done and the server is stopped; an error fails the run.
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
