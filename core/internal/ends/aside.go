package ends

import (
	"context"
	"errors"
	"iter"

	"github.com/berthgo/berth/core/internal/store"
)

// Aside yields all ends that were put aside. One that cannot be read, or is not genuine, comes with its
// handle, and with why in Err. An error of Redis comes with an empty Claimed, and ends the iteration.
func (e *Ends) Aside(ctx context.Context) iter.Seq2[store.Claimed, error] {
	return func(yield func(store.Claimed, error) bool) {
		for bucket := range store.Buckets {
			var handles []string
			err := e.call(ctx, func() (err error) {
				handles, err = e.Store.Aside(ctx, bucket)
				return err
			})
			for i := 0; err == nil && i < len(handles); i++ {
				var c store.Claimed
				if c, err = e.look(ctx, handles[i]); err == nil && !yield(c, nil) {
					return
				}
			}
			if err != nil {
				yield(store.Claimed{}, err)
				return
			}
		}
	}
}

// OneAside returns an end that was put aside, as [Ends.Aside] does, and whether it is there.
func (e *Ends) OneAside(ctx context.Context, handle string) (c store.Claimed, found bool, err error) {
	err = e.call(ctx, func() (err error) {
		found, err = e.Store.IsAside(ctx, handle)
		return err
	})
	if err == nil && found {
		c, err = e.look(ctx, handle)
	}
	return c, found, err
}

// look loads an end that was put aside.
func (e *Ends) look(ctx context.Context, handle string) (c store.Claimed, err error) {
	err = e.call(ctx, func() error {
		if c = e.Store.Look(ctx, handle); errors.Is(c.Err, store.ErrFormat) {
			return nil
		}
		return c.Err
	})
	if err == nil && c.Err == nil {
		c.Err = e.Genuine(c)
	}
	if c.Err != nil {
		c = store.Claimed{Handle: handle, Err: c.Err}
	}
	return c, err
}

// call makes a call to Redis on the schedule of the Caller, until the tasks are closed.
func (e *Ends) call(ctx context.Context, try func() error) error {
	return e.Caller.Call(ctx, e.Tasks.Context().Done(), func(int) error { return try() })
}

// Replay has an end that was put aside handed out again, from the first attempt on. It tells
// whether it was there.
func (e *Ends) Replay(ctx context.Context, handle string) (bool, error) {
	var status store.Status
	err := e.Caller.Call(ctx, nil, func(int) (err error) {
		status, err = e.Store.Replay(ctx, handle)
		return err
	})
	if err != nil || status != store.Done {
		return false, err
	}
	e.poke(store.Bucket(handle))
	return true, nil
}

// Drop deletes an end that was put aside. It tells whether it was there.
func (e *Ends) Drop(ctx context.Context, handle string) (found bool, err error) {
	err = e.Caller.Call(ctx, nil, func(int) error {
		status, err := e.Store.Drop(ctx, handle)
		found = found || status == store.Done // an earlier try may have dropped it
		return err
	})
	return found, err
}
