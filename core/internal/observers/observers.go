package observers

import (
	"context"
	"slices"
	"sync/atomic"
	"time"
)

// Observer hears of operations and events. Either function may be nil.
type Observer[Op, Event any] struct {
	Start func(ctx context.Context, op Op, handle string) context.Context
	Event func(ctx context.Context, e Event)
}

// Observers is a list that is copied when it changes, so that to read it takes no lock. It is safe for concurrent
// use.
type Observers[Op, Event any] struct {
	list atomic.Pointer[[]*Observer[Op, Event]]
}

// None tells whether nobody observes.
func (all *Observers[Op, Event]) None() bool { return all.list.Load() == nil }

// Add puts an observer at the end of the list.
func (all *Observers[Op, Event]) Add(o *Observer[Op, Event]) {
	all.change(func(list []*Observer[Op, Event]) []*Observer[Op, Event] { return append(list, o) })
}

// Remove takes an observer out of the list.
func (all *Observers[Op, Event]) Remove(o *Observer[Op, Event]) {
	all.change(func(list []*Observer[Op, Event]) []*Observer[Op, Event] {
		return slices.DeleteFunc(list, func(one *Observer[Op, Event]) bool { return one == o })
	})
}

func (all *Observers[Op, Event]) change(f func([]*Observer[Op, Event]) []*Observer[Op, Event]) {
	for {
		old := all.list.Load()
		var list []*Observer[Op, Event]
		if old != nil {
			list = slices.Clone(*old)
		}
		var changed *[]*Observer[Op, Event] // nil if nobody is left
		if list = f(list); len(list) > 0 {
			changed = &list
		}
		if all.list.CompareAndSwap(old, changed) {
			return
		}
	}
}

// Operation is an operation that is observed.
type Operation[Op, Event any] struct {
	Op    Op
	Start time.Time

	all  []*Observer[Op, Event]
	ctxs []context.Context // of each observer
}

// operationKey is where a context has the operation that it belongs to.
type operationKey[Op, Event any] struct{ all *Observers[Op, Event] }

// Begin begins an operation. The work is to be done with the context that it returns.
func (all *Observers[Op, Event]) Begin(ctx context.Context, op Op, handle string) (context.Context, *Operation[Op, Event]) {
	o := &Operation[Op, Event]{Op: op, Start: time.Now()}
	if list := all.list.Load(); list != nil {
		o.all = *list
	}
	for _, one := range o.all {
		if one.Start != nil {
			ctx = one.Start(ctx, op, handle)
		}
		o.ctxs = append(o.ctxs, ctx)
	}
	return context.WithValue(ctx, operationKey[Op, Event]{all}, o), o
}

// End ends an operation, and tells what is known of it.
func (o *Operation[Op, Event]) End(e Event) {
	for i, one := range o.all {
		if one.Event != nil {
			one.Event(o.ctxs[i], e)
		}
	}
}

// Tell tells of an event that takes no time.
func (all *Observers[Op, Event]) Tell(ctx context.Context, e Event) {
	list := all.list.Load()
	if list == nil {
		return
	}
	within, _ := ctx.Value(operationKey[Op, Event]{all}).(*Operation[Op, Event])
	for _, one := range *list {
		if one.Event != nil {
			one.Event(within.contextOf(ctx, one), e)
		}
	}
}

// contextOf returns the context that an observer has made for the operation, or else ctx.
func (o *Operation[Op, Event]) contextOf(ctx context.Context, one *Observer[Op, Event]) context.Context {
	if o != nil {
		if i := slices.Index(o.all, one); i >= 0 {
			return o.ctxs[i]
		}
	}
	return ctx
}
