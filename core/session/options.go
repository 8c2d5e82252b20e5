package session

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"runtime/debug"
	"time"

	"github.com/berthgo/berth/core/internal/cookie"
	"github.com/berthgo/berth/core/internal/store"
)

// Options set up a [Manager]. The zero value is valid and safe. Durations are exact to the
// millisecond, as in Redis.
type Options struct {
	// App names the application. All keys start with it, so that applications can share one
	// database. All programs of one application must have the same, such as a server and its worker.
	// Defaults to the import path of the program's main package, which New logs. A program that was
	// built from files, as by "go run main.go", has none, and must set App.
	App string `json:"app" yaml:"app" env:"SESSION_APP"`

	// KeySeparator stands between the parts of a key. Defaults to "_".
	KeySeparator string `json:"keySeparator" yaml:"keySeparator" env:"SESSION_KEY_SEPARATOR"`

	// Timeout is the idle timeout: how long a session lives without a request.
	// [Session.SetTimeout] overrides it for one session. Defaults to 20 minutes.
	Timeout time.Duration `json:"timeout" yaml:"timeout" env:"SESSION_TIMEOUT"`

	// AnonymousTimeout is the idle timeout of sessions without a principal, so that visitors who do not
	// come back cost little. With a sign-in the session's timeout becomes Timeout, unless
	// [Session.SetTimeout] or [Session.Remember] has set another. A session that was saved while
	// AnonymousTimeout was another keeps its timeout. Defaults to Timeout, and must not be longer.
	AnonymousTimeout time.Duration `json:"anonymousTimeout" yaml:"anonymousTimeout" env:"SESSION_ANONYMOUS_TIMEOUT"`

	// MaxLifetime is how long a session lives at most, however busy it is. It counts from when the
	// session was created, or from [Session.AuthenticatedAt] if that is later. Defaults
	// to 0, no limit.
	MaxLifetime time.Duration `json:"maxLifetime" yaml:"maxLifetime" env:"SESSION_MAX_LIFETIME"`

	// LockTTL is the time after which the lease of a crashed process is free. While a request runs,
	// berth renews its lease every third of LockTTL. At least 100 ms. Defaults to 10 seconds.
	LockTTL time.Duration `json:"lockTtl" yaml:"lockTtl" env:"SESSION_LOCK_TTL"`

	// LockHold is how long a request may hold a session. After that its lease is not renewed, and
	// ends within LockTTL. Defaults to 110 seconds, or to LockTTL if that is longer.
	LockHold time.Duration `json:"lockHold" yaml:"lockHold" env:"SESSION_LOCK_HOLD"`

	// LockWait is how long a request waits for a session that another request holds. Then it gets
	// [ErrLockTimeout]. If it is negative, requests do not wait. Defaults to 30 seconds.
	LockWait time.Duration `json:"lockWait" yaml:"lockWait" env:"SESSION_LOCK_WAIT"`

	// MaxWaiters is how many requests of this process may wait for one session.
	// More get [ErrLockTimeout] at once. Defaults to 128.
	MaxWaiters int `json:"maxWaiters" yaml:"maxWaiters" env:"SESSION_MAX_WAITERS"`

	// RetryTimeout is for how long berth repeats a failed call to Redis: after 20 ms, then every
	// second, and one last time at the end. Keep it shorter than Timeout: the repeated call that makes
	// a session would make it again if it had expired meanwhile. Defaults to 0, no retry.
	RetryTimeout time.Duration `json:"retryTimeout" yaml:"retryTimeout" env:"SESSION_RETRY_TIMEOUT"`

	// FailSilently hides failures of Redis from handlers. They get a detached session, which is
	// empty and is not saved; [Session.Err] says why. The cookie stays, so that an outage logs
	// nobody out. A request that signs in or out, rotates or abandons fails all the same. Errors
	// that do not come from Redis, such as [ErrLockTimeout], are not hidden. Defaults to false.
	FailSilently bool `json:"failSilently" yaml:"failSilently" env:"SESSION_FAIL_SILENTLY"`

	// MaxBytes is how large a session may be: its keys, encoded values and principal together, in
	// bytes. Two [Shared] commits at the same time may exceed it together. Defaults to 1 MiB.
	MaxBytes int `json:"maxBytes" yaml:"maxBytes" env:"SESSION_MAX_BYTES"`

	// MaxFields is how many values a session may have. Redis stores many small fields in several
	// times their size, and is slow to load them. A session that has more already can be read, and
	// may shrink. Defaults to 1,000.
	MaxFields int `json:"maxFields" yaml:"maxFields" env:"SESSION_MAX_FIELDS"`

	// MaxPerPrincipal is how many sessions a principal may have. One more sign-in ends the session
	// with the oldest sign-in. Defaults to 0, no limit.
	MaxPerPrincipal int `json:"maxPerPrincipal" yaml:"maxPerPrincipal" env:"SESSION_MAX_PER_PRINCIPAL"`

	// RefuseOverLimit refuses the new sign-in with [ErrTooManySessions], in place of ending the oldest
	// session, when a principal has MaxPerPrincipal sessions. The place of a session that has expired within
	// a minute of its sign-in, or of a process that died at the sign-in, is free when that minute and
	// RetryTimeout have passed. Defaults to false.
	RefuseOverLimit bool `json:"refuseOverLimit" yaml:"refuseOverLimit" env:"SESSION_REFUSE_OVER_LIMIT"`

	// TrackEnd makes sure that [Manager.HandleEnd], in this process or another, gets the end of
	// every session. It costs two more keys, and one or two more calls to Redis when a session is
	// created or ended, or its timeout is changed. All processes of an application should
	// agree on it. When it is turned on, existing sessions are tracked from their next request on.
	// It needs maxmemory-policy noeviction: eviction would lose ends.
	// Defaults to false.
	TrackEnd bool `json:"trackEnd" yaml:"trackEnd" env:"SESSION_TRACK_END"`

	// EndRetention is how long, with TrackEnd, the data of a session are kept after its end, for
	// the handler. Defaults to 10 minutes.
	EndRetention time.Duration `json:"endRetention" yaml:"endRetention" env:"SESSION_END_RETENTION"`

	// EndSweep is how often [Manager.HandleEnd] looks for sessions that have ended. Without
	// keyspace notifications, an end waits that long at most. Defaults to 5 seconds.
	EndSweep time.Duration `json:"endSweep" yaml:"endSweep" env:"SESSION_END_SWEEP"`

	// EndHandlers is how many handlers one call of [Manager.HandleEnd] runs at the
	// same time. Defaults to 16.
	EndHandlers int `json:"endHandlers" yaml:"endHandlers" env:"SESSION_END_HANDLERS"`

	// EndAttempts is how often an end is handed out. Then it is kept aside, see
	// [Manager.EndsAside]. Defaults to 10.
	EndAttempts int `json:"endAttempts" yaml:"endAttempts" env:"SESSION_END_ATTEMPTS"`

	// EndNotifications lets [Manager.HandleEnd] turn on keyspace notifications of keys that expire
	// (notify-keyspace-events) on every master, so that ends are handled within milliseconds. Those
	// that are on already stay on, and are used in any case. If CONFIG is forbidden, HandleEnd
	// works without them. Defaults to false.
	EndNotifications bool `json:"endNotifications" yaml:"endNotifications" env:"SESSION_END_NOTIFICATIONS"`

	// Codec turns values into bytes and back. Defaults to [JSON].
	Codec Codec `json:"-" yaml:"-" env:"-"`

	// EncryptionKeys encrypt values in Redis by AES-GCM, and bind each value to App, its session
	// and its key. They have 16, 24 or 32 bytes. The first one encrypts, all of them decrypt. The
	// keys of values, times and the principal stay readable. If somebody changes in Redis the
	// principal, the proof or the time of sign-in, the session is [ErrForged]. If somebody puts an
	// earlier state of the whole session back, berth does not notice.
	//
	// To replace a key: add the new one at the end, in all processes; then move it to the front;
	// remove the old one when all sessions that were saved or signed in with it have ended. Sessions that
	// were saved without keys are ErrForged, so change App too when you turn encryption on.
	// Defaults to none.
	EncryptionKeys []EncryptionKey `json:"encryptionKeys" yaml:"encryptionKeys" env:"SESSION_ENCRYPTION_KEYS"`

	// Header is the name of the request and response header that carries the session ID in place
	// of a cookie. A response has it when it would set the cookie; it is empty after Abandon.
	// Defaults to "", a cookie.
	Header string `json:"header" yaml:"header" env:"SESSION_HEADER"`

	// Cookie is what the session cookie looks like.
	Cookie Cookie `json:"cookie" yaml:"cookie"`

	// Hooks are called at points of a session's life.
	Hooks Hooks `json:"-" yaml:"-" env:"-"`

	// Logger gets one line for each failure. Defaults to [slog.Default].
	Logger *slog.Logger `json:"-" yaml:"-" env:"-"`
}

// EncryptionKey is a key for AES: 16, 24 or 32 random bytes. It does not show when it is printed
// or logged, by itself or in Options. In an unexported field of another struct it does, since
// package fmt calls no methods there.
type EncryptionKey []byte

// Format prints no more than that there is a key.
func (EncryptionKey) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, "(encryption key)") }

// MarshalText is for loggers that encode what they log, and tells no more than Format.
func (EncryptionKey) MarshalText() ([]byte, error) { return []byte("(encryption key)"), nil }

// encryptionKeys returns the keys as package values takes them.
func (o Options) encryptionKeys() [][]byte {
	keys := make([][]byte, len(o.EncryptionKeys))
	for i, key := range o.EncryptionKeys {
		keys[i] = key
	}
	return keys
}

// withDefaults returns the options with their defaults, and the key scheme; or an error that names
// every field that is wrong.
func (o Options) withDefaults() (Options, store.Keys, error) {
	var errs []error
	wrong := func(is bool, format string, args ...any) {
		if is {
			errs = append(errs, fmt.Errorf(format, args...))
		}
	}
	duration := func(name string, field *time.Duration, otherwise, least time.Duration) {
		def(field, otherwise)
		wrong(*field != 0 && *field < least, "%s is %v: it must be at least %v, or 0 for its default", name, *field, least)
	}
	number := func(name string, field *int, otherwise int, zero string) {
		def(field, otherwise)
		wrong(*field < 0, "%s is %d: it must be at least 1, or 0 for %s", name, *field, zero)
	}
	def(&o.App, builtFrom())
	def(&o.KeySeparator, "_")
	if o.Codec == nil {
		o.Codec = JSON{}
	}
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	keys, err := store.NewKeys(o.App, o.KeySeparator)
	switch {
	case o.App == "":
		wrong(true, `%s is "", and this program was built from files, so that it has no import path to take in place: write session.Options{App: "shop"}, or build the package ("go run .")`, "App")
	case err != nil:
		errs = append(errs, err)
	}
	duration("Timeout", &o.Timeout, 20*time.Minute, time.Millisecond)
	duration("AnonymousTimeout", &o.AnonymousTimeout, o.Timeout, time.Millisecond)
	duration("LockTTL", &o.LockTTL, 10*time.Second, 100*time.Millisecond)
	duration("LockHold", &o.LockHold, max(110*time.Second, o.LockTTL), time.Millisecond)
	duration("MaxLifetime", &o.MaxLifetime, 0, time.Millisecond)
	duration("RetryTimeout", &o.RetryTimeout, 0, time.Millisecond)
	if o.LockWait >= 0 { // negative is a setting of its own
		duration("LockWait", &o.LockWait, 30*time.Second, time.Millisecond)
	}
	number("MaxWaiters", &o.MaxWaiters, 128, "its default; to not wait at all make LockWait negative")
	number("MaxBytes", &o.MaxBytes, 1<<20, "its default")
	number("MaxFields", &o.MaxFields, 1000, "its default")
	number("MaxPerPrincipal", &o.MaxPerPrincipal, 0, "no limit")
	duration("EndRetention", &o.EndRetention, 10*time.Minute, time.Millisecond)
	duration("EndSweep", &o.EndSweep, 5*time.Second, 10*time.Millisecond)
	number("EndHandlers", &o.EndHandlers, 16, "its default")
	number("EndAttempts", &o.EndAttempts, 10, "its default")
	wrong(o.MaxLifetime > 0 && o.MaxLifetime < o.Timeout, "MaxLifetime is %v, less than Timeout, which is %v: no session would reach its idle timeout", o.MaxLifetime, o.Timeout)
	wrong(o.AnonymousTimeout > o.Timeout, "AnonymousTimeout is %v, longer than Timeout, which is %v", o.AnonymousTimeout, o.Timeout)
	wrong(o.LockHold < o.LockTTL, "LockHold is %v, less than LockTTL, which is %v: a lease lives for LockTTL at least", o.LockHold, o.LockTTL)
	wrong(o.EndNotifications && !o.TrackEnd, "EndNotifications needs TrackEnd: without it no end is handled")
	wrong(o.RefuseOverLimit && o.MaxPerPrincipal == 0, "RefuseOverLimit needs MaxPerPrincipal: without it there is no limit")
	errs = append(errs, cookie.CheckHeader(o.Header))
	for i, key := range o.EncryptionKeys {
		n := len(key)
		wrong(n != 16 && n != 24 && n != 32, "EncryptionKeys[%d] has %d bytes: it must have 16, 24 or 32", i, n)
	}
	o.Cookie, err = o.Cookie.withDefaults()
	if err = errors.Join(append(errs, err)...); err != nil {
		return Options{}, store.Keys{}, fmt.Errorf("session: invalid options:\n%w", err)
	}
	return o, keys, nil
}

// builtFrom returns the import path of the program's main package, "" if it has none.
func builtFrom() string {
	if info, ok := debug.ReadBuildInfo(); ok && info.Path != "command-line-arguments" {
		return info.Path
	}
	return ""
}

func def[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}
