//go:build !testall

package rig

// topologies are none: make test has miniredis and one redis-server, and make test-all the
// others too.
var topologies map[string]*topology

// Rounds is how often a test does something: few times in make test, and many in make test-all.
func Rounds(few, _ int) int { return few }
