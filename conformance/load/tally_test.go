//go:build testall

package load

import (
	"hash/fnv"
	"strings"
	"sync"
	"testing"
)

// tally counts sessions, and tells one set of them from another. It keeps no handle, since a load that keeps
// more and more cannot see whether berth does.
type tally struct {
	mu  sync.Mutex
	n   int
	sum uint64 // of hashes of the handles
}

// count is what a tally has come to.
type count struct {
	n   int
	sum uint64
}

func (t *tally) add(handle string) {
	hash := fnv.New64a()
	_, _ = hash.Write([]byte(handle))
	t.mu.Lock()
	defer t.mu.Unlock()
	t.n++
	t.sum += hash.Sum64()
}

func (t *tally) count() count {
	t.mu.Lock()
	defer t.mu.Unlock()
	return count{t.n, t.sum}
}

func (c count) plus(other count) count  { return count{c.n + other.n, c.sum + other.sum} }
func (c count) minus(other count) count { return count{c.n - other.n, c.sum - other.sum} }

// handle is the part of a cookie that is no secret.
func handle(id string) string {
	handle, _, _ := strings.Cut(id, ".")
	return handle
}

// An end that is missing, one that is handled twice, and one of another session each make a difference.
func TestTally(t *testing.T) {
	t.Parallel()
	of := func(handles ...string) count {
		var t tally
		for _, h := range handles {
			t.add(h)
		}
		return t.count()
	}
	if left := of("c", "a", "b").minus(of("b")); left != of("a", "c") || of("a").plus(of("c")) != left {
		t.Errorf("three without one are %v, want %v", left, of("a", "c"))
	}
	for name, other := range map[string]count{"one is missing": of("a"), "one is there twice": of("a", "b", "b"), "one twice, and one missing": of("a", "a"), "another": of("a", "d")} {
		if other == of("a", "b") {
			t.Errorf("%s: no difference is seen", name)
		}
	}
}
