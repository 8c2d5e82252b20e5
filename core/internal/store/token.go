package store

import (
	"crypto/rand"
	"strconv"
	"strings"
	"sync/atomic"
)

// The lengths are known to the scripts, see lua/lib.lua.
const (
	processLength = 16
	counterLength = 10
)

// Process makes the tokens of one process. A token starts with the process's
// own 80 random bits, so that no two processes, on whatever hosts, make the
// same one, and goes on with a counter. It is safe for concurrent use.
type Process struct {
	name    string
	counter atomic.Uint64
}

// NewProcess returns a source of tokens.
func NewProcess() *Process {
	return &Process{name: strings.ToLower(rand.Text()[:processLength])}
}

// Name is what all tokens of the process start with.
func (p *Process) Name() string { return p.name }

// Token returns a token that was never returned before.
func (p *Process) Token() string {
	const zeros = "0000000000"
	count := strconv.FormatUint(p.counter.Add(1), 36)
	return p.name + zeros[len(count):] + count
}
