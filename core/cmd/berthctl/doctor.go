package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/berthgo/berth/core/connect"
	"github.com/berthgo/berth/core/internal/explain"
	"github.com/berthgo/berth/core/internal/store"
)

// The states of a finding.
const (
	ok   = "ok"   // as berth wants it
	note = "note" // berth works, with something slower or missing; or it is not known
	bad  = "bad"  // berth does not work, or loses sessions
)

// finding is what the doctor found out.
type finding struct {
	State  string `json:"state"`
	Server string `json:"server,omitempty"` // of several
	What   string `json:"what"`
	Found  string `json:"found"`
	Advice string `json:"advice,omitempty"` // what it costs, and how to mend it
}

// examination collects what is found at one server.
type examination struct {
	*program
	ctx     context.Context
	c       *store.Master
	cluster bool
	found   []finding
}

func (e *examination) add(state, what, found, advice string) {
	e.found = append(e.found, finding{state, e.c.Addr, what, found, advice})
}

// doctor examines every master. It writes one key that lives for 10 seconds, and changes no setting.
func (p *program) doctor(ctx context.Context) error {
	separator := p.settings.Options.KeySeparator
	if separator == "" {
		separator = "_"
	}
	keys, err := store.NewKeys(p.settings.Options.App, separator)
	if err != nil {
		return fmt.Errorf("%w: %w", err, errUsage)
	}
	client, err := connect.NewClient(p.settings.Config)
	if err != nil {
		return fmt.Errorf("%w: %w", err, errUsage)
	}
	defer client.Close()
	var found []finding
	masters, err := store.Masters(ctx, client)
	if err != nil {
		found = append(found, finding{State: bad, What: "reach", Found: explain.Error(err).Error(), Advice: "See \"When Redis does not let you in\" in docs/configuration.md."})
	}
	slices.SortFunc(masters, func(a, b *store.Master) int { return strings.Compare(a.Addr, b.Addr) })
	progress := p.progress("servers examined")
	for i, master := range masters {
		e := &examination{program: p, ctx: ctx, c: master, cluster: isCluster(client)}
		e.examine(keys, separator)
		found = append(found, e.found...)
		progress(i + 1)
	}
	progress(-1)
	healthy := true
	for _, f := range found {
		healthy = healthy && f.State != bad
		if err := p.finding(f); err != nil {
			return err
		}
	}
	if !healthy {
		return errUnhealthy
	}
	return nil
}

func (p *program) finding(f finding) error {
	what := f.What
	if f.Server != "" {
		what = f.Server + " " + what
	}
	text := fmt.Sprintf("%-5s %-26s %s", f.State, what, f.Found)
	if f.Advice != "" {
		text += "\n      " + f.Advice
	}
	return p.say(f, "%s", text)
}

func isCluster(client redis.UniversalClient) bool {
	_, is := client.(*redis.ClusterClient)
	return is
}

func (e *examination) examine(keys store.Keys, separator string) {
	if err := e.c.Ping(e.ctx).Err(); err != nil && !refused(err) {
		e.add(bad, "reach", explain.Error(err).Error(), "See \"When Redis does not let you in\" in docs/configuration.md.")
		return
	}
	e.add(ok, "reach", "answers", "")
	e.server()
	e.latency()
	e.eviction()
	e.notifications()
	e.clock()
	e.permissions(keys, separator)
}

// server asks by HELLO, which every user may call.
func (e *examination) server() {
	reply, err := e.c.Do(e.ctx, "HELLO").Result()
	if err != nil && strings.Contains(err.Error(), "wrong number of arguments") {
		reply, err = e.c.Do(e.ctx, "HELLO", 3).Result() // Redis 6.0 wants the protocol, and go-redis speaks 3 with it
	}
	if err != nil {
		e.add(bad, "version", explain.Error(err).Error(), "Redis before version 6 does not know HELLO. berth needs Redis 6 or later, or Valkey.")
		return
	}
	facts := map[string]string{}
	switch typed := reply.(type) {
	case map[any]any:
		for name, value := range typed {
			facts[fmt.Sprint(name)] = fmt.Sprint(value)
		}
	case []any:
		for i := 0; i+1 < len(typed); i += 2 {
			facts[fmt.Sprint(typed[i])] = fmt.Sprint(typed[i+1])
		}
	}
	name := facts["server"] + " " + facts["version"]
	major, _, _ := strings.Cut(facts["version"], ".")
	switch {
	case facts["server"] == "redis" && major == "6":
		e.add(note, "version", name, "On a full server, Redis 6 refuses what ends sessions, and a cluster has no messages within a shard. Redis 7 or Valkey mends both.")
	default:
		e.add(ok, "version", name, "")
	}
	switch mode := facts["mode"]; {
	case mode == "cluster" && !e.cluster:
		e.add(bad, "cluster", "the server is a node of a cluster, and Cluster is not set", "Set --cluster or REDIS_CLUSTER=true, and Cluster in the Config of the application.")
	case mode == "sentinel":
		e.add(bad, "cluster", "the server is a Sentinel", "Set --master-name or REDIS_MASTER_NAME, and MasterName in the Config of the application.")
	default:
		e.add(ok, "cluster", "mode "+mode, "")
	}
	if role := facts["role"]; role != "master" {
		e.add(bad, "role", role, "Nothing can be written to a replica. Connect to its master, or by Sentinel or Cluster.")
	}
}

func (e *examination) latency() {
	const tries, slow = 20, 5 * time.Millisecond
	var took []time.Duration
	for range tries {
		start := time.Now()
		if err := e.c.Ping(e.ctx).Err(); err != nil && !refused(err) {
			e.add(bad, "latency", explain.Error(err).Error(), "The connection does not hold.")
			return
		}
		took = append(took, time.Since(start))
	}
	slices.Sort(took)
	found := fmt.Sprintf("%v in the middle, %v at most, of %d calls", took[tries/2].Round(10*time.Microsecond), took[tries-1].Round(10*time.Microsecond), tries)
	if took[tries/2] > slow {
		e.add(note, "latency", found, "An Exclusive request waits for Redis twice. Run the application nearer to Redis.")
		return
	}
	e.add(ok, "latency", found, "")
}

func (e *examination) setting(name string) (string, error) {
	values, err := e.c.ConfigGet(e.ctx, name).Result()
	return values[name], err
}

func (e *examination) eviction() {
	policy, err := e.setting("maxmemory-policy")
	switch {
	case err != nil:
		e.add(note, "maxmemory-policy", "not known: "+why(err), "It must be noeviction. Look at it as an administrator, or in the console of your provider.")
	case policy != "noeviction":
		e.add(bad, "maxmemory-policy", policy, "Redis deletes live sessions when its memory is full, and with allkeys-* the index of ends too. CONFIG SET maxmemory-policy noeviction, and the same in redis.conf.")
	default:
		e.add(ok, "maxmemory-policy", policy, "")
	}
}

func (e *examination) notifications() {
	flags, err := e.setting("notify-keyspace-events")
	const cost = "HandleEnd hears of an end within EndSweep (5s), and not within milliseconds."
	switch {
	case err != nil:
		e.add(note, "notify-keyspace-events", "not known: "+why(err), "It should have K or E, and x or A. Without that, "+cost)
	case !strings.ContainsAny(flags, "KE") || !strings.ContainsAny(flags, "xA"):
		e.add(note, "notify-keyspace-events", fmt.Sprintf("%q", flags), cost+" If you use TrackEnd, set Options.EndNotifications, or CONFIG SET notify-keyspace-events "+flags+"Kx.")
	default:
		e.add(ok, "notify-keyspace-events", flags, "")
	}
}

func (e *examination) clock() {
	const most = 2 * time.Second
	before := time.Now()
	at, err := e.c.Time(e.ctx).Result()
	if err != nil {
		e.add(note, "clock", "not known: "+why(err), "The clocks of Redis and of all machines of the application must agree to about a second. Run NTP or chrony.")
		return
	}
	off := at.Sub(before.Add(time.Since(before) / 2))
	found := fmt.Sprintf("%v off this machine's", off.Round(10*time.Millisecond))
	if off.Abs() > most {
		e.add(note, "clock", found, "An application writes times by its own clock, and Redis ends sessions at MaxLifetime by its own. So they end too early or too late. Run NTP or chrony on both.")
		return
	}
	e.add(ok, "clock", found, "")
}

// why is an error in a few words.
func why(err error) string {
	if refused(err) {
		return "the user may not ask"
	}
	var said redis.Error
	if errors.As(err, &said) && strings.Contains(strings.ToLower(said.Error()), "unknown") {
		return "the server does not tell"
	}
	return explain.Unquoted(err).Error()
}

// refused tells whether the user lacks a permission.
func refused(err error) bool {
	var said redis.Error
	return errors.As(err, &said) && strings.Contains(said.Error(), "NOPERM")
}
