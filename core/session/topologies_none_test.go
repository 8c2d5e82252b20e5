//go:build !testall

package session_test

// topologies are none: make test has miniredis and one redis-server, and make test-all the
// others too.
var topologies map[string]*topology

// rounds is how often a test does something: few times in make test, and many in make test-all.
func rounds(few, _ int) int { return few }
