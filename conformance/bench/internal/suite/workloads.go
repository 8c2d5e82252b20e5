package suite

import (
	"context"
	"slices"

	"github.com/berthgo/berth/conformance/bench/internal/figure"
	"github.com/berthgo/berth/conformance/bench/internal/load"
	"github.com/berthgo/berth/conformance/bench/internal/target"
)

// The workloads' names.
const (
	WorkNoCookie = "no cookie"
	WorkRead     = "read"
	WorkChange   = "read-change-write"
	WorkBig      = "small change, big session"
	WorkRotate   = "rotation"
	WorkSignIn   = "sign-in"
)

// small is the session of 500 bytes.
var small = load.Shape{Fields: 1, Size: 500}

const bigField = 4 << 10

func (s *suite) workloads(ctx context.Context, r *figure.Results) error {
	for _, w := range []struct {
		name    string
		work    load.Work
		shape   load.Shape
		without []string
	}{
		// Without a cookie the floor is no call at all, and locks are not taken.
		{WorkNoCookie, load.NoCookie, small, []string{target.NameGetSet, target.NameScripts, target.NameSCSSliding, target.NameSCSLocked}},
		{WorkRead, load.Read, small, []string{target.NameSCSLocked}},
		{WorkChange, load.Change, small, []string{target.NameSCSSliding}},
		{WorkBig, load.Change, load.Shape{Fields: s.BigFields, Size: bigField}, []string{target.NameSCSSliding, target.NameScripts}},
		{WorkRotate, load.Rotate, small, []string{target.NameSCSSliding, target.NameScripts}},
		{WorkSignIn, load.SignIn, small, []string{target.NameSCSSliding, target.NameScripts}},
	} {
		var targets []*target.Running
		for _, t := range target.All() {
			if !slices.Contains(w.without, t.Name) {
				targets = append(targets, s.targets[t.Name])
			}
		}
		s.Log("%s: %d targets, %d rounds", w.name, len(targets), s.Rounds)
		j := job{work: w.work, shape: w.shape, clients: s.Clients, each: 1, rounds: s.Rounds}
		if j.work == load.SignIn {
			j.each = s.SignIns
		}
		rows, err := s.measure(ctx, j, targets)
		if err != nil {
			return err
		}
		r.Workloads = append(r.Workloads, figure.Workload{
			Name: w.name, Clients: j.clients, Fields: j.shape.Fields, Size: j.shape.Size, Rows: rows,
		})
		if err := s.clear(ctx); err != nil {
			return err
		}
	}
	return nil
}
