// Package run makes one run: it starts a redis-server and server processes, lets clients ask and faults
// happen, waits until all is well again, and checks what was promised.
package run

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/berthgo/berth/conformance/faults/internal/history"
	"github.com/berthgo/berth/conformance/faults/internal/proxy"
	"github.com/berthgo/berth/conformance/faults/internal/wire"
)

// Result is what came of a run.
type Result struct {
	Seed       uint64
	Requests   int
	Outcomes   map[string]int // of requests: done, not and unknown
	Exchanges  int            // with Redis, that went through proxies
	Faults     map[string]int // by kind
	Ends       int            // that were handed to handlers
	Lost       bool           // Redis's replication has lost writes, so nothing was checked
	Unready    bool           // the servers of Redis did not agree on a master in time, so nothing was checked
	Undecided  int            // sessions that porcupine could not decide in time
	Violations []history.Violation
	Plan       string // what the seed has decided
	Record     *history.Record
}

// longest is how long a run may take. Whatever hangs ends then.
const longest = 2 * time.Minute

// Setting is what does not come from the seed.
type Setting struct {
	Program string // the executable of the servers
	Ahead   string // the same with a clock that is ahead, for a server of some runs; "" for none
	Place   string // where Redis is: "one server", "cluster" or "sentinels"; "" if the seed decides
}

// Run makes the run of a seed.
func Run(ctx context.Context, setting Setting, seed uint64) (*Result, error) {
	ctx, cancel := context.WithTimeout(ctx, longest)
	defer cancel()
	r := &running{plan: newPlan(seed, setting.Place), setting: setting, counts: map[string]int{}}
	defer r.stop()
	if err := r.start(ctx); err != nil {
		return nil, fmt.Errorf("seed %d: %w", seed, err)
	}
	if err := r.ask(ctx); errors.Is(err, errUnready) {
		return &Result{Seed: seed, Unready: true}, nil
	} else if err != nil {
		return nil, fmt.Errorf("seed %d: %w", seed, err)
	}
	if err := r.settle(ctx); err != nil {
		return nil, fmt.Errorf("seed %d: %w", seed, err)
	}
	result, err := r.judge()
	if err != nil {
		return nil, fmt.Errorf("seed %d: %w", seed, err)
	}
	return result, nil
}

// running is a run under way.
type running struct {
	plan    *plan
	setting Setting
	dir     string

	*place
	proxies  []*proxy.Proxy
	servers  []*server
	browsers []*browser
	book     book

	troubles   []history.Window
	counts     map[string]int
	forced     int64
	violations []history.Violation
}

func (r *running) start(ctx context.Context) (err error) {
	if r.dir, err = os.MkdirTemp("", "faults-"); err != nil {
		return err
	}
	if r.place, err = startPlace(ctx, r.plan); err != nil {
		return err
	}
	for i, framework := range r.plan.frameworks {
		settings := r.plan.settings
		settings.Name, settings.Framework = fmt.Sprintf("%s%d", framework, i), framework
		settings.Addrs = r.addrs()
		switch {
		case r.single != nil:
			p, err := proxy.Start(r.single.Addr, r.plan.programme, r.plan.seed<<8+uint64(i))
			if err != nil {
				return err
			}
			r.proxies = append(r.proxies, p)
			settings.Addrs = []string{p.Addr()}
		case r.sentinel != nil:
			settings.Master = r.sentinel.MasterName()
		default:
			settings.Cluster = true
		}
		settings.Journal = filepath.Join(r.dir, settings.Name)
		if err := os.WriteFile(settings.Journal, nil, 0o600); err != nil {
			return err
		}
		s := &server{settings: settings, program: r.setting.Program}
		if i == 0 && r.plan.ahead && r.setting.Ahead != "" {
			s.program = r.setting.Ahead
			r.counts[clock]++
		}
		r.servers = append(r.servers, s)
		if err := s.start(); err != nil {
			return err
		}
	}
	for i := range r.plan.browsers {
		transport := &http.Transport{MaxIdleConnsPerHost: 8}
		r.browsers = append(r.browsers, &browser{number: i, book: &r.book, client: &http.Client{Transport: transport}})
	}
	return nil
}

// stop ends all processes of the run, and removes its files.
func (r *running) stop() {
	for _, s := range r.servers {
		_ = s.kill()
	}
	for _, p := range r.proxies {
		_ = p.Close()
	}
	for _, b := range r.browsers {
		b.client.CloseIdleConnections()
	}
	if r.place != nil {
		r.place.stop()
	}
	if r.dir != "" {
		_ = os.RemoveAll(r.dir)
	}
}

// ask lets clients ask while faults happen.
func (r *running) ask(ctx context.Context) error {
	asking, cancel := context.WithTimeout(ctx, r.plan.lasts)
	defer cancel()
	for _, p := range r.proxies {
		p.Make(true)
	}
	var going sync.WaitGroup
	for i, b := range r.browsers {
		for tab := range r.plan.tabs {
			going.Go(func() {
				rng := source(r.plan.seed, uint64(100+10*i+tab))
				for rest(asking, time.Duration(rng.Int64N(int64(r.plan.think)))) {
					// A request that has begun is not cut off by the end of the run.
					b.ask(ctx, tab, r.servers[rng.IntN(len(r.servers))], r.plan.draw(rng))
				}
			})
		}
	}
	err := r.misfortune(asking, source(r.plan.seed, 1))
	going.Wait()
	for _, p := range r.proxies {
		p.Make(false)
	}
	return err
}

// recovery is how long it may take until all is well after the last fault.
const recovery = 25 * time.Second

// settle waits until the application serves everybody again, and then has all sessions end.
func (r *running) settle(ctx context.Context) error {
	rng := source(r.plan.seed, 2)
	for _, b := range r.browsers {
		for _, path := range []string{"read", "append"} {
			r.insist(ctx, b, order{path: path}, rng)
		}
	}
	if err := r.awaitCompanions(ctx); err != nil {
		return err
	}
	if !r.plan.settings.TrackEnd {
		return nil
	}
	for i, b := range r.browsers {
		if i%2 == 0 {
			r.insist(ctx, b, order{path: "signout"}, rng)
		}
	}
	if chance(rng, 50) {
		r.insist(ctx, r.browsers[0], order{path: "endall", user: "0"}, rng)
	}
	if err := r.expire(ctx); err != nil {
		return err
	}
	return r.awaitEnds(ctx)
}

// insist makes requests until one succeeds.
func (r *running) insist(ctx context.Context, b *browser, o order, rng *rand.Rand) {
	if r.plan.settings.FailSilently {
		o.commit = "once"
	}
	last := history.Op{}
	for deadline := time.Now().Add(recovery); time.Now().Before(deadline) && ctx.Err() == nil; rest(ctx, 20*time.Millisecond) {
		last = b.ask(ctx, 99, r.servers[rng.IntN(len(r.servers))], o)
		if last.Outcome == wire.Done && !last.Reply.Detached {
			return
		}
		if o.path == "signout" && last.Outcome == wire.Done {
			return
		}
	}
	r.violations = append(r.violations, history.Violation{Check: "recovery", Text: fmt.Sprintf("no %s succeeds for %v after the last fault: %s %s", o.path, recovery, last.Outcome, last.Reason)})
}

// expire has all sessions expire: their time is over, and their ends are due.
func (r *running) expire(ctx context.Context) error {
	app := r.plan.settings.App
	r.forced = wire.Now()
	alive, err := r.keys(ctx, "{"+app+"_*}_Timeout")
	if err != nil {
		return err
	}
	for _, key := range alive {
		if err := r.client.Del(ctx, key).Err(); err != nil {
			return err
		}
	}
	return r.due(ctx)
}

// due makes all ends due.
func (r *running) due(ctx context.Context) error {
	indexes, err := r.keys(ctx, "{"+r.plan.settings.App+"_Ends_*}")
	if err != nil {
		return err
	}
	for _, index := range indexes {
		entries, err := r.client.ZRange(ctx, index, 0, -1).Result()
		if err != nil {
			return err
		}
		for _, e := range entries {
			if err := r.client.ZAddXX(ctx, index, redis.Z{Score: 1, Member: e}).Err(); err != nil {
				return err
			}
		}
	}
	return nil
}

// awaitEnds waits until the end of each session that is known was handled. If that takes too long, the
// check finds out which is missing.
func (r *running) awaitEnds(ctx context.Context) error {
	for deadline := time.Now().Add(recovery); time.Now().Before(deadline); {
		record, err := r.record()
		if err != nil {
			return err
		}
		if record.EndsMissing() == 0 {
			return nil
		}
		if !rest(ctx, 100*time.Millisecond) {
			return ctx.Err()
		}
	}
	return nil
}

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
	result.Violations, result.Undecided = append(result.Violations, found...), undecided
	return result, nil
}
