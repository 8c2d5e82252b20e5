package run

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"slices"
	"time"

	"github.com/berthgo/berth/conformance/faults/internal/history"
	"github.com/berthgo/berth/conformance/faults/internal/wire"
)

// record collects what clients and servers have written down.
func (r *running) record() (*history.Record, error) {
	s := r.plan.settings
	record := &history.Record{
		Timeout: s.Timeout.Nanoseconds(), LockTTL: s.LockTTL.Nanoseconds(), MaxPerPrincipal: s.MaxPerPrincipal,
		TrackEnd: s.TrackEnd, Calm: r.plan.calm, Forced: r.forced, Troubles: slices.Clone(r.troubles),
	}
	r.book.mu.Lock()
	record.Ops = slices.Clone(r.book.ops)
	r.book.mu.Unlock()
	for i, server := range r.servers {
		entries, err := read(server.settings.Journal)
		if err != nil {
			return nil, err
		}
		record.Journal = append(record.Journal, entries...)
		if i >= len(r.proxies) {
			continue
		}
		faults, _ := r.proxies[i].Faults()
		for _, f := range faults {
			record.Troubles = append(record.Troubles, history.Window{Server: server.settings.Name, At: f.At, Till: f.Till})
		}
	}
	slices.SortStableFunc(record.Journal, func(a, b wire.Entry) int { return int(a.At - b.At) })
	for _, e := range record.Journal {
		if e.Kind == "stall" {
			record.Troubles = append(record.Troubles, history.Window{Server: e.Server, At: e.Begun, Till: e.At})
		}
		if e.Kind == "failure" && !r.plan.calm { // such as a call that took too long on a busy machine
			record.Troubles = append(record.Troubles, history.Window{Server: e.Server, At: e.At - s.OperationTimeout.Nanoseconds(), Till: e.At})
		}
	}
	return record, nil
}

func read(name string) (entries []wire.Entry, err error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		var e wire.Entry
		if json.Unmarshal(lines.Bytes(), &e) == nil { // the last line may be half a line
			entries = append(entries, e)
		}
	}
	return entries, lines.Err()
}

// judge checks the run.
func (r *running) judge() (*Result, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	left, err := r.leftovers(ctx)
	if err != nil {
		return nil, err
	}
	for _, s := range r.servers {
		if err := s.kill(); err != nil {
			return nil, err
		}
	}
	record, err := r.record()
	if err != nil {
		return nil, err
	}
	result := &Result{
		Seed: r.plan.seed, Requests: len(record.Ops), Outcomes: map[string]int{}, Faults: maps.Clone(r.counts),
		Plan: fmt.Sprintf("%+v", *r.plan), Record: record, Violations: slices.Concat(r.violations, left),
	}
	for _, op := range record.Ops {
		result.Outcomes[op.Outcome]++
	}
	for _, e := range record.Journal {
		if e.Kind == "end" {
			result.Ends++
		}
	}
	for _, p := range r.proxies {
		faults, exchanges := p.Faults()
		result.Exchanges += exchanges
		for _, f := range faults {
			result.Faults[f.Kind.String()]++
		}
	}
	if r.control != nil && r.control.lost.Load() {
		result.Lost, result.Violations = true, nil
		return result, nil
	}
	found, undecided := record.Check()
	result.Violations, result.Undecided = append(history.Folded(result.Violations), found...), undecided
	return result, nil
}
