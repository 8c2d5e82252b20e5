package watch

import (
	"container/heap"
	"time"
)

// appointment is a session to look at. It holds as long as the session is due at that time.
type appointment struct {
	at     time.Time
	handle string
}

// agenda is a heap of appointments, the earliest first.
type agenda []appointment

var _ heap.Interface = (*agenda)(nil)

func (a agenda) Len() int           { return len(a) }
func (a agenda) Less(i, j int) bool { return a[i].at.Before(a[j].at) }
func (a agenda) Swap(i, j int)      { a[i], a[j] = a[j], a[i] }

// Push is for package heap.
func (a *agenda) Push(x any) { *a = append(*a, x.(appointment)) }

// Pop is for package heap.
func (a *agenda) Pop() any {
	last := (*a)[len(*a)-1]
	*a = (*a)[:len(*a)-1]
	return last
}
