package store_test

import (
	"strings"
	"testing"
	"time"

	"github.com/berthgo/berth/core/internal/store"
)

// The operations that [operate] knows.
const (
	opBegin = iota
	opQueue
	opAgain
	opLoad
	opPeek
	opCreate
	opCommit
	opSignIn
	opMerge
	opRetire
	opRenew
	opRelease
	opMark
	opInspect
	opObserve
	opEnlist
	opReserve
	opListed
	opUnlist
	opDue
	opDefer
	opClaim
	opRenewClaim
	opGiveBack
	opPutAside
	opReplay
	opAside
	opLook
	opDrop
	opAdvance
	opCompanion
	opNames
	opPage
	operations
)

// operate does one operation, and returns the statuses that it gives without an error.
func operate(t *testing.T, s *store.Store, op int) []store.Status {
	ctx, handle, handles := t.Context(), strings.Repeat("a", 26), []string{strings.Repeat("a", 26), strings.Repeat("b", 26)}
	const token, proof, bare = "tokentokentokentokentoken000", "proof", "b"
	meta := store.Meta{Timeout: time.Minute, Created: time.UnixMilli(1700000000000), Commit: token, Principal: "ann"}
	keys := s.Keys.Request(handle)
	of := func(status store.Status, err error) []store.Status {
		if err != nil {
			return nil
		}
		return []store.Status{status}
	}
	ofLoaded := func(l store.Loaded, err error) []store.Status { return of(l.Status, err) }
	ofCommit := func(status store.Status, _ store.Extras, err error) []store.Status { return of(status, err) }
	only := func(error) []store.Status { return nil }
	switch op {
	case opBegin:
		return ofLoaded(s.Begin(ctx, handle, proof, token, store.Once))
	case opQueue:
		return ofLoaded(s.Begin(ctx, handle, proof, token, store.Queue))
	case opAgain:
		return ofLoaded(s.Begin(ctx, handle, proof, token, store.Again))
	case opLoad:
		return ofLoaded(s.Load(ctx, handle, proof))
	case opPeek:
		return ofLoaded(s.Peek(ctx, handle, proof))
	case opCreate:
		return of(s.Create(ctx, handle, proof, meta, []any{"a", "1"}))
	case opCommit:
		return ofCommit(s.Commit(ctx, handle, keys, token, store.Change{Set: []any{"a", "1"}}))
	case opSignIn:
		return ofCommit(s.Commit(ctx, handle, keys, token, store.Change{Principal: &meta.Principal, Wipe: true, Proof: bare, Delete: []any{"a"}}))
	case opMerge:
		return of(s.Merge(ctx, handle, proof, token, store.Change{Set: []any{"a", "1"}}))
	case opRetire:
		return ofCommit(s.Retire(ctx, handle, store.Retirement{Token: token, Reason: "abandoned", Proof: proof}))
	case opRenew:
		return of(s.Renew(ctx, handle, token))
	case opRelease:
		return only(s.Release(ctx, handle, token))
	case opMark:
		return of(s.Mark(ctx, handle, store.Extras{Companion: true}))
	case opInspect:
		return statuses(s.Inspect(ctx, handles, "a", "b"))
	case opObserve:
		var all []store.Status
		for _, o := range s.Observe(ctx, handles) {
			all = append(all, of(o.Status, o.Err)...)
		}
		return all
	case opEnlist:
		_, err := s.Enlist(ctx, handle, "ann", time.Minute, true)
		return only(err)
	case opReserve:
		_, err := s.Reserve(ctx, handle, "ann", time.Minute, 3)
		return only(err)
	case opListed:
		_, err := s.Listed(ctx, "ann")
		return only(err)
	case opUnlist:
		return only(s.Unlist(ctx, "ann", store.Listing{handle, 1}))
	case opDue:
		_, _, err := s.Due(ctx, 0, time.Second, 10)
		return only(err)
	case opDefer:
		return only(s.Defer(ctx, 0, 1, map[string]time.Time{handle: time.Now()}))
	case opClaim:
		var all []store.Status
		for _, c := range s.Claim(ctx, handles, token, time.Minute) {
			all = append(all, of(c.Status, c.Err)...)
		}
		return all
	case opRenewClaim:
		return of(s.RenewClaim(ctx, handle, token, time.Minute))
	case opGiveBack:
		return only(s.GiveBack(ctx, handle, token))
	case opPutAside:
		return only(s.PutAside(ctx, handle, token))
	case opReplay:
		return of(s.Replay(ctx, handle))
	case opAside:
		_, err := s.Aside(ctx, 0)
		return only(err)
	case opLook:
		c := s.Look(ctx, handle)
		return of(c.Status, c.Err)
	case opDrop:
		return of(s.Drop(ctx, handle))
	case opAdvance:
		return only(s.Advance(ctx, handle, meta))
	case opCompanion:
		_, err := s.PutCompanion(ctx, handle, proof, bare, "value", meta)
		return only(err)
	case opNames:
		_, err := s.Names(ctx, handle)
		return only(err)
	case opPage:
		once := func(call func() error) error { return call() }
		page, _, err := s.Page(ctx, func(string) bool { return true }, "", []string{"a"}, once)
		return statuses(page, err)
	}
	t.Fatalf("there is no operation %d", op)
	return nil
}

func statuses(all []store.Inspected, _ error) (found []store.Status) {
	for _, one := range all {
		if one.Err == nil {
			found = append(found, one.Status)
		}
	}
	return found
}
