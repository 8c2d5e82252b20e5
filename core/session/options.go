package session

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"time"

	"github.com/berthgo/berth/core/internal/store"
)

// Options set up a [Manager]. The zero value is valid and safe. Durations are
// kept to the millisecond, as Redis keeps them.
type Options struct {
	// App names the application: it starts every key, so that applications can
	// share one Redis and one database. Defaults to "app".
	App string `json:"app" yaml:"app" env:"SESSION_APP"`

	// KeySeparator stands between the parts of a key. Defaults to "_".
	KeySeparator string `json:"keySeparator" yaml:"keySeparator" env:"SESSION_KEY_SEPARATOR"`

	// Timeout is how long a session lives without a request. Each request
	// starts it anew. [Session.SetTimeout] overrides it for one session.
	// Defaults to 20 minutes.
	Timeout time.Duration `json:"timeout" yaml:"timeout" env:"SESSION_TIMEOUT"`

	// MaxLifetime is how long a session lives at most, however busy: from when it was created,
	// and anew from when its principal changed or authenticated again, see
	// [Session.AuthenticatedAt]. It needs Redis 7 or Valkey. Defaults to 0, no limit.
	MaxLifetime time.Duration `json:"maxLifetime" yaml:"maxLifetime" env:"SESSION_MAX_LIFETIME"`

	// LockTTL is the time after which the lease of a crashed process is free.
	// While a request runs its lease is renewed every third of it. Defaults to
	// 10 seconds, and is at least 100 ms.
	LockTTL time.Duration `json:"lockTtl" yaml:"lockTtl" env:"SESSION_LOCK_TTL"`

	// LockHold is how long a request may hold a session. Then its lease is no
	// longer renewed, and ends within LockTTL. Defaults to 110 seconds.
	LockHold time.Duration `json:"lockHold" yaml:"lockHold" env:"SESSION_LOCK_HOLD"`

	// LockWait is how long a request waits for a session that another holds,
	// before [ErrLockTimeout]. Negative: it does not wait. Defaults to 30 seconds.
	LockWait time.Duration `json:"lockWait" yaml:"lockWait" env:"SESSION_LOCK_WAIT"`

	// MaxWaiters is how many requests of this process may wait for one session.
	// More get [ErrLockTimeout] at once. Defaults to 128.
	MaxWaiters int `json:"maxWaiters" yaml:"maxWaiters" env:"SESSION_MAX_WAITERS"`

	// RetryTimeout is how long a failed call to Redis is tried again: after
	// 20 ms, then every second, and one last time at the end. Defaults to 0, no
	// retry.
	RetryTimeout time.Duration `json:"retryTimeout" yaml:"retryTimeout" env:"SESSION_RETRY_TIMEOUT"`

	// FailSilently makes failures of Redis invisible to handlers: they get a
	// detached session, empty and never saved, whose [Session.Err] tells why.
	// The cookie stays, so that nobody is logged out by an outage. A request that signs in or
	// out, rotates or abandons fails all the same. Failures that are not Redis's, such as [ErrLockTimeout], are returned all the same.
	// Defaults to false.
	FailSilently bool `json:"failSilently" yaml:"failSilently" env:"SESSION_FAIL_SILENTLY"`

	// MaxBytes limits the keys, the encoded values and the principal of a session
	// together, in bytes. [Shared] commits at the same time may exceed it between
	// them. Defaults to 1 MiB.
	MaxBytes int `json:"maxBytes" yaml:"maxBytes" env:"SESSION_MAX_BYTES"`

	// MaxPerPrincipal is how many sessions a principal may have: when one more signs
	// in, the oldest sign-in ends. Defaults to 0, no limit.
	MaxPerPrincipal int `json:"maxPerPrincipal" yaml:"maxPerPrincipal" env:"SESSION_MAX_PER_PRINCIPAL"`

	// TrackEnd makes sure that the end of every session is handed to
	// [Manager.HandleEnd], in this process or another. It costs one or two calls to Redis
	// when a session is created or ended, or its timeout is made shorter, and two
	// more keys. All processes of an application should agree on it; sessions that exist
	// when it is turned on are tracked from their next request on. It needs Redis 6.2 or
	// Valkey, and no eviction of keys (maxmemory-policy noeviction), which would lose
	// ends. Defaults to false.
	TrackEnd bool `json:"trackEnd" yaml:"trackEnd" env:"SESSION_TRACK_END"`

	// EndRetention is how long the data of a session outlives it, with TrackEnd, so
	// that its end can be handled. Defaults to 10 minutes.
	EndRetention time.Duration `json:"endRetention" yaml:"endRetention" env:"SESSION_END_RETENTION"`

	// EndSweep is how often [Manager.HandleEnd] looks for sessions that have ended, and so
	// the longest that an end waits where Redis sends no keyspace notifications.
	// Defaults to 5 seconds.
	EndSweep time.Duration `json:"endSweep" yaml:"endSweep" env:"SESSION_END_SWEEP"`

	// EndHandlers is how many handlers one call of [Manager.HandleEnd] runs at the
	// same time. Defaults to 16.
	EndHandlers int `json:"endHandlers" yaml:"endHandlers" env:"SESSION_END_HANDLERS"`

	// EndAttempts is how often an end is handed out before it is kept aside, see
	// [Manager.EndsAside]. Defaults to 10.
	EndAttempts int `json:"endAttempts" yaml:"endAttempts" env:"SESSION_END_ATTEMPTS"`

	// EndNotifications has [Manager.HandleEnd] turn on keyspace notifications of keys
	// that expire (notify-keyspace-events), on every master and in addition to those
	// that are on, so that ends are handled within milliseconds. Where CONFIG
	// is forbidden it goes on without. Notifications that are on already are used in any
	// case. Defaults to false.
	EndNotifications bool `json:"endNotifications" yaml:"endNotifications" env:"SESSION_END_NOTIFICATIONS"`

	// Codec turns values into bytes and back. Defaults to [JSON].
	Codec Codec `json:"-" yaml:"-" env:"-"`

	// EncryptionKeys, when there are any, make values unreadable in Redis and
	// bind each to App, its session and key: AES-GCM, keys of 16, 24 or 32 bytes. The
	// first key encrypts, all decrypt. Keys of values, times and the principal stay readable;
	// whoever changes in Redis whose the session is, its secret or when its user signed in makes
	// it [ErrForged]; to put back an earlier state as a whole is not noticed.
	//
	// To change keys, first add the new one behind, to all processes, and only then put it in
	// front. Take the old one out once all sessions that were saved or signed in with it have ended.
	// Sessions that were saved without keys are ErrForged, so change App too when you turn it on.
	// Defaults to none.
	EncryptionKeys []EncryptionKey `json:"encryptionKeys" yaml:"encryptionKeys" env:"SESSION_ENCRYPTION_KEYS"`

	// Header, if set, is the request and response header that carries the
	// session ID in place of a cookie. A response has it when the ID changes, empty
	// when the session was abandoned. Defaults to "".
	Header string `json:"header" yaml:"header" env:"SESSION_HEADER"`

	// Cookie is what the session cookie looks like.
	Cookie Cookie `json:"cookie" yaml:"cookie"`

	// Hooks are called at points of a session's life.
	Hooks Hooks `json:"-" yaml:"-" env:"-"`

	// Logger gets a line for every failure. Defaults to [slog.Default].
	Logger *slog.Logger `json:"-" yaml:"-" env:"-"`
}

// EncryptionKey is a key for AES: 16, 24 or 32 random bytes. Printed or logged by itself
// or in Options it does not show; in an unexported field of another struct it would, since
// there package fmt asks no type how it prints.
type EncryptionKey []byte

// Format prints no more than that there is a key.
func (EncryptionKey) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, "(encryption key)") }

// MarshalText is for loggers that encode what they log, and tells no more than Format.
func (EncryptionKey) MarshalText() ([]byte, error) { return []byte("(encryption key)"), nil }

func (o Options) keys() [][]byte {
	keys := make([][]byte, len(o.EncryptionKeys))
	for i, key := range o.EncryptionKeys {
		keys[i] = key
	}
	return keys
}

// Hooks are functions that the engine calls. Each may be nil. They run in the
// goroutine of the request, except that a lost lease, and what fails beside requests and
// in [Manager.HandleEnd], is reported from others, so they should be quick and must be safe for concurrent use.
type Hooks struct {
	// OnStart is called when a session is about to be saved for the first time.
	// What it sets is saved with it. Each saved session has exactly one.
	OnStart func(ctx context.Context, s *Session)

	// OnError is called with every failure, be it returned or, with
	// FailSilently, not.
	OnError func(ctx context.Context, err error)

	// OnLockNotAcquired is called when a request gives up waiting. The error is
	// a [*LockTimeoutError] and names the settings involved.
	OnLockNotAcquired func(ctx context.Context, err error)

	// OnFieldsSet is called after a commit with the keys that it wrote, sorted.
	OnFieldsSet func(ctx context.Context, s *Session, keys []string)

	// OnFieldsDeleted is called after a commit with the keys that it deleted,
	// sorted.
	OnFieldsDeleted func(ctx context.Context, s *Session, keys []string)
}

// withDefaults returns the options with zero fields filled in and the keys that they
// name, or an error that names every field that is wrong.
func (o Options) withDefaults() (Options, store.Keys, error) {
	def(&o.App, "app")
	def(&o.KeySeparator, "_")
	def(&o.Timeout, 20*time.Minute)
	def(&o.LockTTL, 10*time.Second)
	def(&o.LockHold, 110*time.Second)
	def(&o.LockWait, 30*time.Second)
	def(&o.MaxWaiters, 128)
	def(&o.MaxBytes, 1<<20)
	def(&o.EndRetention, 10*time.Minute)
	def(&o.EndSweep, 5*time.Second)
	def(&o.EndHandlers, 16)
	def(&o.EndAttempts, 10)
	if o.Codec == nil {
		o.Codec = JSON{}
	}
	if o.Logger == nil {
		o.Logger = slog.Default()
	}

	var errs []error
	atLeast := func(field string, value, least time.Duration) {
		if value < least {
			errs = append(errs, fmt.Errorf("%s is %v: it must be at least %v, or 0 for its default", field, value, least))
		}
	}
	positive := func(field string, value int, or string) {
		if value < 0 {
			errs = append(errs, fmt.Errorf("%s is %d: it must be at least 1, or 0 for %s", field, value, or))
		}
	}
	keys, err := store.NewKeys(o.App, o.KeySeparator)
	if err != nil {
		errs = append(errs, err)
	}
	atLeast("Timeout", o.Timeout, time.Millisecond)
	atLeast("LockTTL", o.LockTTL, 100*time.Millisecond)
	atLeast("LockHold", o.LockHold, time.Millisecond)
	if o.MaxLifetime != 0 {
		atLeast("MaxLifetime", o.MaxLifetime, time.Millisecond)
	}
	atLeast("RetryTimeout", o.RetryTimeout, 0)
	positive("MaxWaiters", o.MaxWaiters, "its default; to not wait at all make LockWait negative")
	positive("MaxBytes", o.MaxBytes, "its default")
	positive("MaxPerPrincipal", o.MaxPerPrincipal, "no limit")
	atLeast("EndRetention", o.EndRetention, time.Millisecond)
	atLeast("EndSweep", o.EndSweep, 10*time.Millisecond)
	positive("EndHandlers", o.EndHandlers, "its default")
	positive("EndAttempts", o.EndAttempts, "its default")
	if o.Header != "" && !isToken(o.Header) {
		errs = append(errs, fmt.Errorf("Options.Header is %q: it is not the name of an HTTP header", o.Header))
	}
	for i, key := range o.EncryptionKeys {
		if n := len(key); n != 16 && n != 24 && n != 32 {
			errs = append(errs, fmt.Errorf("EncryptionKeys[%d] has %d bytes: it must have 16, 24 or 32", i, n))
		}
	}
	if o.Cookie, err = o.Cookie.withDefaults(); err != nil {
		errs = append(errs, err)
	}
	if len(errs) > 0 {
		return Options{}, store.Keys{}, fmt.Errorf("session: invalid options:\n%w", errors.Join(errs...))
	}
	return o, keys, nil
}

func def[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}
