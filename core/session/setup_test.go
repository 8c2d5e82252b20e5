package session_test

import (
	"testing"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"

	support "github.com/berthgo/berth/core/internal/rig"
	"github.com/berthgo/berth/core/redistest"
	"github.com/berthgo/berth/core/session"
)

func TestMain(m *testing.M) { support.Main(m) }

// rig is a [support.Rig] whose managers are crowded: any two calls share a pipeline.
type rig struct {
	*support.Rig
	t      *testing.T
	app    string
	mini   *miniredis.Miniredis  // nil on a real Redis
	client redis.UniversalClient // sees no faults, is not counted
}

// trips counts round trips.
type trips = support.Trips

func local(r *support.Rig) *rig {
	return &rig{Rig: r, t: r.T, app: r.App, mini: r.Mini, client: r.Client}
}

// locally has a test take a rig of this package.
func locally(test func(t *testing.T, r *rig)) func(t *testing.T, r *support.Rig) {
	return func(t *testing.T, r *support.Rig) { test(t, local(r)) }
}

func newRig(t *testing.T) *rig { return local(support.New(t)) }

func onReal(t *testing.T) *rig { return local(support.OnRedis(t)) }

func onEach(t *testing.T, test func(t *testing.T, r *rig)) { support.Each(t, locally(test)) }

func inBubble(t *testing.T, test func(t *testing.T, r *rig)) { support.InBubble(t, locally(test)) }

func withServer(t *testing.T, args ...string) (*redistest.Server, *rig) {
	t.Helper()
	server, r := support.WithServer(t, args...)
	return server, local(r)
}

func (r *rig) at(url string) {
	r.At(url)
	r.client = r.Client
}

func (r *rig) to(reach redis.UniversalOptions) {
	r.To(reach)
	r.client = r.Client
}

func (r *rig) newClient(change ...func(o *redis.UniversalOptions)) redis.UniversalClient {
	return r.NewClient(change...)
}

// manager returns a manager of the rig's own application.
func (r *rig) manager(o session.Options) *session.Manager {
	return r.managerOn(r.newClient(), o)
}

func (r *rig) managerOn(c redis.UniversalClient, o session.Options) *session.Manager {
	r.t.Helper()
	m := r.ManagerOn(c, o)
	m.Crowd()
	return m
}

func (r *rig) key(id, suffix string) string { return r.Key(id, suffix) }

func (r *rig) exists(key string) bool {
	r.t.Helper()
	return r.Exists(key)
}

func (r *rig) keys() []string {
	r.t.Helper()
	return r.Keys()
}

func (r *rig) hget(id, field string) string {
	r.t.Helper()
	return r.HGet(id, field)
}

func (r *rig) waiter(m *session.Manager, id string) (got func() *session.Session) {
	return r.Waiter(m, id)
}

func get[T any](t *testing.T, s *session.Session, key string) T {
	t.Helper()
	return support.Get[T](t, s, key)
}

var (
	handleOf  = support.HandleOf
	saved     = support.Saved
	begin     = support.Begin
	commit    = support.Commit
	view      = support.View
	wantErr   = support.WantErr
	until     = support.Until
	increment = support.Increment
	rounds    = support.Rounds
)
