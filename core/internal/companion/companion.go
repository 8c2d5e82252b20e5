package companion

import (
	"context"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/berthgo/berth/core/internal/retry"
	"github.com/berthgo/berth/core/internal/store"
	"github.com/berthgo/berth/core/internal/tasks"
)

// Companions are the companions of the sessions of one application. It is safe for concurrent
// use.
type Companions struct {
	Store  *store.Store
	Tasks  *tasks.Tasks
	Caller *retry.Caller
}

// Version is what a commit has made of a session, as far as its companion is concerned.
type Version struct {
	Handle   string
	Before   string  // the proof when the request began, "" for a new session
	Proof    string  // the proof now
	Value    *string // what is to be written, nil for nothing
	Rotated  bool    // it has another ID now
	Switched bool    // it has another user now, or none
	Had      bool    // it had a companion when the request began, as far as that knew
	Meta     store.Meta
}

// Follow makes the companion of a session match what a commit has written.
//
// The commit fails with the second error. It does not fail with the first: that step is repeated beside the
// request.
func (c *Companions) Follow(ctx context.Context, v Version) (later, err error) {
	if v.Before == "" {
		v.Before = v.Proof
	}
	switch {
	case v.Value != nil, v.Meta.Extras.Companion && v.Rotated:
		return c.write(ctx, v)
	case v.Meta.Extras.Companion:
		return c.Store.TouchCompanion(ctx, v.Handle, v.Meta), nil
	case v.Switched: // the companion of the user before, if a request has given it one meanwhile
		later = c.drop(ctx, v.Handle, v.Before, v.Proof)
		if !v.Had && redis.HasErrorPrefix(later, "NOPERM") {
			later = nil // who may write no companion has none
		}
	}
	return later, nil
}

// write writes the companion of a session, or the new proof beside it, after the commit. So
// whoever ends the session knows of the companion. If that has happened already, or if another
// user has signed in meanwhile, write deletes the companion.
func (c *Companions) write(ctx context.Context, v Version) (later, err error) {
	wrote := false
	err = c.Caller.Call(ctx, nil, func(int) (err error) {
		if v.Value == nil {
			wrote, err = c.Store.ProveCompanion(ctx, v.Handle, v.Before, v.Proof, v.Meta)
		} else {
			wrote, err = c.Store.PutCompanion(ctx, v.Handle, v.Before, v.Proof, *v.Value, v.Meta)
		}
		return err
	})
	switch {
	case err != nil:
		c.Mend(v.Handle, v.Before)
		return nil, err
	case wrote && v.Value == nil:
		return nil, nil
	case wrote:
		v.Value = nil
	}
	if err := c.check(ctx, v); err != nil {
		c.Mend(v.Handle, v.Proof)
		return err, nil
	}
	return nil, nil
}

// check compares the companion with its session, after write has written it, or has found that
// another request wrote the proof beside it. If others have ended the session meanwhile, or have
// signed in another user, check deletes the companion. If they have rotated the session, the
// companion gets the new proof. v.Value is what is still to be written.
func (c *Companions) check(ctx context.Context, v Version) error {
	found, err := c.Store.Inspect(ctx, []string{v.Handle})
	if err != nil {
		return err
	}
	switch now := found[0]; {
	case now.Err != nil:
		return now.Err
	case now.Status != store.Done:
		return c.Store.DeleteCompanion(ctx, v.Handle, "", store.NoProof)
	case now.Meta.Principal != v.Meta.Principal, !now.Meta.Extras.Companion:
		return c.Store.DeleteCompanion(ctx, v.Handle, v.Proof, v.Proof)
	case now.Proof == v.Proof && v.Value != nil:
		// A rotation that failed half-way has left something there. The session's own is this.
		_, err := c.Store.PutCompanion(ctx, v.Handle, "", v.Proof, *v.Value, now.Meta)
		return err
	case now.Proof != v.Proof:
		_, err := c.Store.ProveCompanion(ctx, v.Handle, v.Proof, now.Proof, now.Meta)
		return err
	}
	return nil
}

// Mend repairs a companion beside the request, after a failure. If the session has ended, Mend
// deletes the companion. If not, it replaces written, a proof that the failed call may have written, by the
// session's own; written is "" if there is none. Mend tries for as long as it takes: else who has
// logged out would stay signed in elsewhere.
func (c *Companions) Mend(handle, written string) {
	c.Tasks.Insist(func(ctx context.Context) error {
		_, err := c.mend(ctx, handle, written, true)
		return err
	})
}

// Doubt is [Companions.Mend] after a call that was to end the session, and may have done so. It may also
// arrive late. So Doubt looks again, every second for a minute. Known says that the session was there and had a
// companion. Without it, a session of which Redis knows nothing may be another application's.
func (c *Companions) Doubt(handle string, known bool) {
	until := time.Now().Add(store.Memory)
	c.Tasks.Insist(func(ctx context.Context) error {
		alive, err := c.mend(ctx, handle, "", known)
		if alive && time.Now().Before(until) {
			return errAlive{}
		}
		return err
	})
}

// mend tells whether the session is there and has a companion.
func (c *Companions) mend(ctx context.Context, handle, written string, known bool) (alive bool, err error) {
	found, err := c.Store.Inspect(ctx, []string{handle})
	switch {
	case err != nil:
		return false, err
	case found[0].Err != nil:
		return false, nil
	case found[0].Status == store.Retired, found[0].Status != store.Done && known:
		return false, c.Store.DeleteCompanion(ctx, handle, "", store.NoProof)
	case found[0].Status != store.Done:
		return false, nil
	case written == "" || !found[0].Meta.Extras.Companion:
		return found[0].Meta.Extras.Companion, nil
	}
	_, err = c.Store.ProveCompanion(ctx, handle, written, found[0].Proof, found[0].Meta)
	return true, err
}

// errAlive says that a session has not ended, and that it is to be looked at again.
type errAlive struct{}

func (errAlive) Error() string { return "the session has not ended" }

// Heals is how package retry asks.
func (errAlive) Heals() bool { return true }

// Delete deletes the companion of a session that has ended. [store.NoProof] stays behind for a while, so that a late
// writer notices. After an error, Delete is repeated beside the request for as long as it takes. If the process
// dies meanwhile, the companion stays until it expires.
func (c *Companions) Delete(ctx context.Context, handle string) error {
	remove := func(ctx context.Context) error { return c.Store.DeleteCompanion(ctx, handle, "", store.NoProof) }
	err := remove(ctx)
	if err != nil {
		c.Tasks.Insist(remove)
	}
	return err
}

// drop deletes the companion of a session that has another user now, or none. The session had one proof before, and
// has one now. A companion with any other stays: it is that of a still newer user. After an error, drop is repeated
// beside the request.
func (c *Companions) drop(ctx context.Context, handle, before, now string) error {
	remove := func(ctx context.Context) error { return c.Store.DeleteCompanion(ctx, handle, before, now) }
	err := remove(ctx)
	if err != nil {
		c.Tasks.Later(remove)
	}
	return err
}

// Touch prolongs the companion like its session, when a request begins. Exclusive says that the
// request holds the session. If a rotation has deleted the proof and then failed, Touch has it mended.
func (c *Companions) Touch(ctx context.Context, handle, proof string, exclusive bool, m store.Meta) error {
	if !exclusive {
		return c.Store.TouchCompanion(ctx, handle, m)
	}
	unproven, err := c.Store.HoldCompanion(ctx, handle, proof, m)
	if unproven {
		c.Mend(handle, proof)
	}
	return err
}
