package session

import "fmt"

// Access is how a request holds its session.
type Access int

// The ways to hold a session.
const (
	// Exclusive is one request at a time: the session is locked from [Manager.Begin]
	// to [Session.Commit] or [Session.Rollback]. Two round trips.
	Exclusive Access = iota
	// Shared takes no lock. The commit merges the changed fields into the session one by one, and
	// the last commit wins. Rotate needs Exclusive.
	//
	// If a reply is lost and berth repeats the commit, it is written once, and does not undo a
	// later one; that holds for a minute and for 32 commits of Shared requests. A commit that
	// failed with an [*OpError] and is not repeated may still be on its way, and be written over
	// what others have committed since.
	Shared
	// ReadOnly takes no lock and waits for none. It sees a whole session, never half of a commit.
	// Set and its like are [ErrReadOnly]. A value that is changed in place is neither noticed nor
	// saved. One round trip.
	//
	// Like Exclusive and Shared, it starts the idle time anew. So a page that only keeps the session
	// alive is ReadOnly too.
	ReadOnly
	// Peek is ReadOnly, and leaves the idle time alone, as for a countdown or for a page that asks again
	// and again: [Session.TimeLeft] tells how long the session lives. One round trip.
	Peek
	// None does not load the session: it is detached. To sign in or out, rotate or abandon is an
	// error. No round trip.
	None
)

// valid tells whether there is such an access.
func (a Access) valid() bool { return a >= Exclusive && a <= None }

func (a Access) String() string {
	switch a {
	case Exclusive:
		return "Exclusive"
	case Shared:
		return "Shared"
	case ReadOnly:
		return "ReadOnly"
	case Peek:
		return "Peek"
	case None:
		return "None"
	}
	return fmt.Sprintf("Access(%d)", int(a))
}

// reads tells whether the session cannot be changed.
func (a Access) reads() bool { return a == ReadOnly || a == Peek }
