package sessiontest

import (
	"io"
	"sync"
)

// testOutput writes to the output of a test, and drops what comes after the test's end: a test that
// has ended panics then.
type testOutput struct {
	mu sync.Mutex
	to io.Writer // nil after the test
}

func (o *testOutput) Write(b []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.to == nil {
		return len(b), nil
	}
	return o.to.Write(b)
}

func (o *testOutput) end() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.to = nil
}
