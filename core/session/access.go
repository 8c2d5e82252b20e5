package session

import "fmt"

// Access is how a request holds its session.
type Access int

// The ways to hold a session.
const (
	// Exclusive is one request at a time: the session is locked from [Manager.Begin]
	// to [Session.Commit] or [Session.Rollback]. Two round trips.
	Exclusive Access = iota
	// Shared takes no lock. Changed fields are merged into the session one by
	// one, the last commit wins. Rotate needs Exclusive.
	//
	// A commit whose reply was lost, and that is tried again, is written once and undoes no later
	// one, for a minute and for 32 commits of Shared requests. One that failed with an
	// [*OpError] and is not tried again may still be on its way, and be written over what
	// others have committed since.
	Shared
	// ReadOnly takes no lock and waits for none. It sees a whole session, never
	// a half of a commit. Set and its like are [ErrReadOnly]; a value that is changed
	// in place is not looked for. One round trip.
	ReadOnly
	// None does not look at the session at all: it is detached. No round trip. To sign in or
	// out, rotate or abandon is an error.
	None
)

func (a Access) String() string {
	switch a {
	case Exclusive:
		return "Exclusive"
	case Shared:
		return "Shared"
	case ReadOnly:
		return "ReadOnly"
	case None:
		return "None"
	}
	return fmt.Sprintf("Access(%d)", int(a))
}
