package store

import (
	"errors"
	"fmt"
	"strings"
)

// Keys names the keys of one application.
type Keys struct {
	app, separator string
	wake           string // the prefix of channels
}

// NewKeys returns the names of the keys of an application. It refuses names that break the hash tag,
// that SCAN takes for a pattern, or that a terminal cannot show.
func NewKeys(app, separator string) (Keys, error) {
	var errs []error
	for name, value := range map[string]string{"App": app, "KeySeparator": separator} {
		if value == "" || strings.ContainsFunc(value, notInKey) {
			errs = append(errs, fmt.Errorf(`%s is %q: it needs at least one character, and none of { } * ? [ ] \ ^, space or control characters`, name, value))
		}
	}
	for _, own := range []string{"Principal", "Ends"} {
		if separator != "" && strings.Contains(app+separator, separator+own+separator) {
			errs = append(errs, fmt.Errorf("%s is %q: it must not contain %q, which would be among the keys of another application", "App", app, separator+own))
		}
	}
	return Keys{app, separator, app + separator + "Wake" + separator}, errors.Join(errs...)
}

func notInKey(r rune) bool {
	return r <= ' ' || r == 0x7f || strings.ContainsRune(`{}*?[]\^`, r)
}

// Data is the hash that holds the session's fields.
func (k Keys) Data(handle string) string { return k.session(handle, "Data") }

// Lock is the string that holds the token of the lease.
func (k Keys) Lock(handle string) string { return k.session(handle, "Lock") }

// Waiters is the string that holds the tokens of processes waiting for the lease.
func (k Keys) Waiters(handle string) string { return k.session(handle, "Waiters") }

// Alive is a string. It exists exactly while a tracked session is alive.
func (k Keys) Alive(handle string) string { return k.session(handle, "Timeout") }

// Ended is the hash that holds the fields of a tracked session after its end, until its end was
// handled.
func (k Keys) Ended(handle string) string { return k.session(handle, "Ended") }

// Claim is the string that holds the token of the handler of the session's end.
func (k Keys) Claim(handle string) string { return k.session(handle, "Claim") }

// Rotated is the string that holds the proofs that were rotated away in the last minute.
func (k Keys) Rotated(handle string) string { return k.session(handle, "Rotated") }

// Merged is the string that holds the tokens of the last commits without a lease.
func (k Keys) Merged(handle string) string { return k.session(handle, "Merged") }

// Beside is a key that belongs to no session.
func (k Keys) Beside(parts []string) string {
	return "{" + k.app + k.separator + strings.Join(parts, k.separator) + "}"
}

// Principal is the sorted set of a principal's sessions by when they signed in.
func (k Keys) Principal(principal string) string {
	return "{" + k.app + k.separator + "Principal" + k.separator + principal + "}"
}

// Ends is a bucket of the index of ends: a sorted set of sessions by deadline.
func (k Keys) Ends(bucket int) string {
	return fmt.Sprintf("{%s%sEnds%s%02d}", k.app, k.separator, k.separator, bucket)
}

// Aside is the sorted set of the sessions of a bucket whose end could not be handled, by the time
// when berth gave up.
func (k Keys) Aside(bucket int) string { return k.Ends(bucket) + k.separator + "Aside" }

// AllAlive is a pattern for SCAN and PSUBSCRIBE: it matches [Keys.Alive] of every session.
func (k Keys) AllAlive() string { return k.Alive("*") }

// AliveHandle returns the handle in a key that [Keys.Alive] made, and whether it is such a key.
func (k Keys) AliveHandle(alive string) (string, bool) { return between(alive, k.Alive("*")) }

// AllData is a pattern that matches [Keys.Data] of every session.
func (k Keys) AllData() string { return k.Data("*") }

// DataHandle returns the handle in a key that [Keys.Data] made, and whether it is such a key.
func (k Keys) DataHandle(data string) (string, bool) { return between(data, k.Data("*")) }

// between returns the part of key that the star of pattern matches.
func between(key, pattern string) (string, bool) {
	before, after, _ := strings.Cut(pattern, "*")
	rest, hasPrefix := strings.CutPrefix(key, before)
	middle, hasSuffix := strings.CutSuffix(rest, after)
	return middle, hasPrefix && hasSuffix
}

// Channel is the pub/sub channel on which a process hears that it got a lease.
func (k Keys) Channel(process string) string {
	return k.wake + process
}

// ShardChannel is the sharded channel on which a process hears that it got the lease of a session.
func (k Keys) ShardChannel(handle, process string) string {
	return k.session(handle, "Wake:"+process)
}

// Watch is the pub/sub channel on which those who watch sessions hear the handle of one that has ended, or
// has another proof or principal.
func (k Keys) Watch() string { return k.app + k.separator + "Watch" }

// Companion is the string that an application keeps beside the session. CompanionProof is the string
// with the session's proof. Both are in one slot.
func Companion(handle string) string { return handle }

// CompanionProof is described at [Companion].
func CompanionProof(handle string) string { return "{" + handle + "}_Proof" }

// Request returns the keys that most requests need, as strings: Data, Lock and Waiters. It makes all
// three with one allocation of text, because every request needs them.
func (k Keys) Request(handle string) []any {
	suffixes := [...]string{"Data", "Lock", "Waiters"}
	stem := len("{") + len(k.app) + len(k.separator) + len(handle) + len("}") + len(k.separator)
	var b strings.Builder
	b.Grow(len(suffixes) * (stem + len("Waiters")))
	for _, suffix := range suffixes {
		b.WriteByte('{')
		b.WriteString(k.app)
		b.WriteString(k.separator)
		b.WriteString(handle)
		b.WriteByte('}')
		b.WriteString(k.separator)
		b.WriteString(suffix)
	}
	rest := b.String()
	keys := make([]any, len(suffixes))
	for i, suffix := range suffixes {
		keys[i], rest = rest[:stem+len(suffix)], rest[stem+len(suffix):]
	}
	return keys
}

func (k Keys) session(handle, suffix string) string {
	return "{" + k.app + k.separator + handle + "}" + k.separator + suffix
}
