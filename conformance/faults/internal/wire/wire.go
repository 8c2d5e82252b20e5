// Package wire is what the driver and its server processes tell each other: settings, replies and the
// lines of the journal.
package wire

import (
	"time"

	"golang.org/x/sys/unix"
)

// Settings are those of one server process. It reads them as JSON from a variable.
type Settings struct {
	Name      string // of the process, for the journal
	Framework string // http, gin or fiber
	Journal   string // the file to which it appends what happens

	App     string
	Addrs   []string // of Redis, or of the proxy before it
	Cluster bool
	Master  string // the name of a master behind Sentinels; Addrs are theirs then

	OperationTimeout time.Duration
	Timeout          time.Duration
	LockTTL          time.Duration
	LockWait         time.Duration
	RetryTimeout     time.Duration
	EndSweep         time.Duration
	FailSilently     bool
	TrackEnd         bool
	Notifications    bool
	MaxPerPrincipal  int
	Companions       bool
	EndsThatFail     int // of 100 ends, how many the handler refuses
}

// Variable is the environment variable with the Settings. A process that has it is a server.
const Variable = "BERTH_FAULTS_SERVER"

// The names of values: List for Exclusive requests. Each Shared one has a field of its own, with Own before
// it, and writes Last too.
const (
	List = "list"
	Own  = "own"
	Last = "last"
)

// What a handler, or the error handler, says of a request. With Not nothing was written. With Unknown
// nobody knows.
const (
	Done    = "done"
	Not     = "not"
	Unknown = "unknown"
)

// Stall is how long a server process may stand still before it notes that.
const Stall = 100 * time.Millisecond

// Outcome is the header that carries one of these, and Reason the one that says why.
const (
	Outcome = "X-Outcome"
	Reason  = "X-Reason"
)

// Reply is the body of a request that the handler answered.
type Reply struct {
	Handle    string `json:"handle,omitempty"`
	New       bool   `json:"new,omitempty"`      // the session began with this request
	Detached  bool   `json:"detached,omitempty"` // another request has rotated or ended it
	Outage    bool   `json:"outage,omitempty"`   // Redis has failed, and FailSilently hides it
	List      []int  `json:"list,omitempty"`     // before this request
	Own       []int  `json:"own,omitempty"`
	Last      int    `json:"last,omitempty"`
	Principal string `json:"principal,omitempty"`
	EndsDone  bool   `json:"endsDone,omitempty"` // EndOthers or EndAll has succeeded
	Enter     int64  `json:"enter,omitempty"`
	Leave     int64  `json:"leave,omitempty"`
}

// Entry is a line of the journal.
type Entry struct {
	Kind   string `json:"kind"` // enter, leave, end, failure or stall
	Server string `json:"server"`
	At     int64  `json:"at"` // Now
	Op     int    `json:"op,omitempty"`
	Begun  int64  `json:"begun,omitempty"` // when the request came to the server, before berth began the session; when the handler of an end began; when the process was seen to run before it stood still
	Handle string `json:"handle,omitempty"`
	Locked bool   `json:"locked,omitempty"` // the request holds the lease

	List      []int  `json:"list,omitempty"`
	Own       []int  `json:"own,omitempty"`
	Last      int    `json:"last,omitempty"`
	Principal string `json:"principal,omitempty"`
	Reason    string `json:"reason,omitempty"`
	NoData    bool   `json:"noData,omitempty"`
	Attempt   int    `json:"attempt,omitempty"`
	OK        bool   `json:"ok,omitempty"` // the handler of the end returned nil
	Text      string `json:"text,omitempty"`
}

// Now is the kernel's monotonic clock in ns. All processes of a machine have the same.
func Now() int64 {
	var t unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &t); err != nil {
		panic(err)
	}
	return t.Nano()
}
