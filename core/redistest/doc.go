// Package redistest gives tests a real redis-server: a process of their own on
// 127.0.0.1, started in milliseconds, that can be killed, frozen and restarted
// to see what the code under test makes of it.
//
// A test package that only needs some Redis calls [Acquire], which holds the
// policy for machines without one:
//
//	func TestMain(m *testing.M) {
//		r, err := redistest.Acquire(context.Background())
//		switch {
//		case err == nil:
//			redisURL = r.URL // a test skips while this is empty
//		case errors.Is(err, redistest.ErrUnavailable):
//			log.Print(err) // one line: what was skipped, and how to have it run
//		default:
//			log.Fatal(err)
//		}
//		code := m.Run()
//		r.Stop() // does nothing on nil
//		os.Exit(code)
//	}
//
// A test that breaks its server calls [Start] for one that nobody else uses.
//
// The package imports the standard library alone, not even testing, so that
// tests, benchmarks and programs of every module may use it.
package redistest
