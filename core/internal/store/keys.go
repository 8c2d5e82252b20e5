package store

import (
	"errors"
	"fmt"
	"strings"
)

// Keys names the keys of one application.
type Keys struct {
	app, separator string
}

// NewKeys returns the key scheme of an application. It refuses names that
// would break the hash tag, be a pattern to SCAN, or be unreadable in a
// terminal.
func NewKeys(app, separator string) (Keys, error) {
	var errs []error
	for name, value := range map[string]string{"App": app, "KeySeparator": separator} {
		if value == "" || strings.ContainsFunc(value, notInKey) {
			errs = append(errs, fmt.Errorf(`%s is %q: it needs at least one character, and none of { } * ? [ ] \ ^, space or control characters`, name, value))
		}
	}
	return Keys{app, separator}, errors.Join(errs...)
}

func notInKey(r rune) bool {
	return r <= ' ' || r == 0x7f || strings.ContainsRune(`{}*?[]\^`, r)
}

// Data is the hash that holds the session's fields.
func (k Keys) Data(id string) string { return k.session(id, "Data") }

// Lock is the string that holds the token of the lease.
func (k Keys) Lock(id string) string { return k.session(id, "Lock") }

// Waiters is the string that holds the tokens of processes waiting for the lease.
func (k Keys) Waiters(id string) string { return k.session(id, "Waiters") }

// Channel is the pub/sub channel on which a process hears that a lease was
// handed to it.
func (k Keys) Channel(process string) string {
	return k.app + k.separator + "Wake" + k.separator + process
}

func (k Keys) session(id, suffix string) string {
	return "{" + k.app + k.separator + id + "}" + k.separator + suffix
}
