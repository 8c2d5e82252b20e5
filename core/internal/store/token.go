package store

import (
	"crypto/rand"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
)

// The scripts know these lengths too: see lua/lib.lua.
const (
	processLength = 16
	timeLength    = 8
	counterLength = 4
	tokenLength   = processLength + timeLength + counterLength

	counterRange = 36 * 36 * 36 * 36
)

// Memory is how long Redis remembers what a call must know that comes late: the scripts' MEMORY.
const Memory = time.Minute

// Process makes the tokens of one process. A token starts with 80 random bits of the process. So no
// two processes make the same token, on whatever hosts they run. The time in ms and a counter
// follow. It is safe for concurrent use.
type Process struct {
	name    string
	start   time.Time // with a monotonic clock: a later token never looks older
	counter atomic.Uint64
}

// NewProcess returns a source of tokens.
func NewProcess() *Process {
	return &Process{name: strings.ToLower(rand.Text()[:processLength]), start: time.Now()}
}

// Name is the prefix of all tokens of the process.
func (p *Process) Name() string { return p.name }

// Token returns a token that was never returned before.
func (p *Process) Token() string {
	b := make([]byte, 0, tokenLength)
	b = append(b, p.name...)
	now := p.start.Add(time.Since(p.start)).UnixMilli()
	b = appendBase36(b, uint64(now), timeLength)
	b = appendBase36(b, p.counter.Add(1)%counterRange, counterLength)
	return string(b)
}

// MadeAt is when a token was made, by the clock of the process that made it; the zero time if the
// token does not tell.
func MadeAt(token string) time.Time {
	if len(token) != tokenLength {
		return time.Time{}
	}
	ms, err := strconv.ParseInt(token[processLength:processLength+timeLength], 36, 64)
	if err != nil {
		return time.Time{}
	}
	return time.UnixMilli(ms)
}

// appendBase36 appends a number with leading zeros. The number must fit into length digits: the time
// fits until the year 2059.
func appendBase36(b []byte, n uint64, length int) []byte {
	const zeros = "00000000"
	var digits [16]byte
	text := strconv.AppendUint(digits[:0], n, 36)
	return append(append(b, zeros[:length-len(text)]...), text...)
}
