package store

import (
	"errors"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
)

// The engine's own fields of the data hash.
const (
	MetaField   = "_berth"        // the session's own facts
	SecretField = "_berth_secret" // the proof
	usedField   = "_berth_used"   // when the session was last used, if its TTL does not tell
	MACField    = "_berth_mac"    // with encryption keys: a MAC of principal, sign-in and proof

	// Reserved is the prefix of all these names.
	Reserved = "_berth"
)

// ErrFormat says that a session's own facts were written in a format that this
// version does not know.
var ErrFormat = errors.New("the session was written in a format that this version of berth does not know; upgrade this process, or end the session by its handle")

// Meta has a session's own facts.
type Meta struct {
	Timeout   time.Duration // idle timeout
	Created   time.Time
	Extras    Extras
	Commit    string // token of the last commit
	Principal string
}

// Extras are facts that most sessions have none of.
type Extras struct {
	// Authenticated is when the principal last changed or last proved to be there, in whole
	// milliseconds; zero if the session never had a principal.
	Authenticated time.Time

	CookieSent time.Time     // zero unless the cookie has an age
	Remembered time.Duration // how long the browser keeps the cookie of this session; 0: as all others
	Forgotten  bool          // Remembered is 0 again; only for a change
	Listed     time.Time     // when the principal's index was last told of the session
	Companion  bool          // there is a companion
	Alone      bool          // the companion is gone; only for a change
	Retention  time.Duration // how long the data outlive the session; 0: its end is not tracked
}

// Born is when the maximum lifetime of the session starts: when the session was created, or when its
// principal last changed or last proved to be there.
func (m Meta) Born() time.Time {
	if m.Extras.Authenticated.After(m.Created) {
		return m.Extras.Authenticated
	}
	return m.Created
}

// String is the content of [MetaField]. lua/lib.lua describes the format.
func (m Meta) String() string {
	b := make([]byte, 0, 80+len(m.Principal))
	b = append(b, "2 "...)
	b = strconv.AppendInt(b, m.Timeout.Milliseconds(), 10)
	b = append(b, ' ')
	b = strconv.AppendInt(b, m.Created.UnixMilli(), 10)
	b = append(b, ' ')
	if m.Extras == (Extras{}) {
		b = append(b, '-')
	}
	b = append(b, m.Extras.String()...)
	b = append(b, ' ')
	b = append(b, m.Commit...)
	b = append(b, ' ')
	b = append(b, m.Principal...)
	return string(b)
}

// String writes the extras that are not zero. Scripts take a change of extras in this form.
func (e Extras) String() string {
	var b []byte
	add := func(letter byte, n int64) { b = strconv.AppendInt(append(b, letter), n, 10) }
	if !e.Authenticated.IsZero() {
		add('a', e.Authenticated.UnixMilli())
	}
	if !e.CookieSent.IsZero() {
		add('s', e.CookieSent.Unix())
	}
	if e.Remembered != 0 || e.Forgotten {
		add('m', int64(e.Remembered/time.Second))
	}
	if !e.Listed.IsZero() {
		add('l', e.Listed.Unix())
	}
	switch {
	case e.Companion:
		add('c', 1)
	case e.Alone:
		add('c', 0)
	}
	if e.Retention != 0 {
		add('r', e.Retention.Milliseconds())
	}
	return string(b)
}

// Since returns the extras in which e differs from old. Scripts take them as a change.
func (e Extras) Since(old Extras) Extras {
	if e.Authenticated.Equal(old.Authenticated) {
		e.Authenticated = time.Time{}
	}
	if e.CookieSent.Equal(old.CookieSent) {
		e.CookieSent = time.Time{}
	}
	e.Forgotten = e.Remembered == 0 && old.Remembered != 0
	if e.Remembered == old.Remembered {
		e.Remembered = 0
	}
	if e.Listed.Equal(old.Listed) {
		e.Listed = time.Time{}
	}
	if e.Retention == old.Retention {
		e.Retention = 0
	}
	e.Companion, e.Alone = e.Companion && !old.Companion, old.Companion && !e.Companion
	return e
}

// parseExtras skips letters that it does not know.
func parseExtras(s string) (Extras, error) {
	var e Extras
	if s == "-" {
		return e, nil
	}
	for s != "" {
		letter, digits := s[0], 1
		for digits < len(s) && s[digits] >= '0' && s[digits] <= '9' {
			digits++
		}
		n, err := strconv.ParseInt(s[1:digits], 10, 64)
		if err != nil || letter < 'a' || letter > 'z' {
			return Extras{}, ErrFormat
		}
		switch letter {
		case 'a':
			e.Authenticated = time.UnixMilli(n)
		case 's':
			e.CookieSent = time.Unix(n, 0)
		case 'm':
			e.Remembered, err = times(n, time.Second)
		case 'l':
			e.Listed = time.Unix(n, 0)
		case 'c':
			e.Companion = n != 0
		case 'r':
			e.Retention, err = times(n, time.Millisecond)
		}
		if err != nil {
			return Extras{}, err
		}
		s = s[digits:]
	}
	return e, nil
}

// times returns n units. It returns [ErrFormat] if that is negative, or longer than a Duration can be.
func times(n int64, unit time.Duration) (time.Duration, error) {
	if n < 0 || n > math.MaxInt64/int64(unit) {
		return 0, ErrFormat
	}
	return time.Duration(n) * unit, nil
}

// retiredReason returns whether the facts say that the session is retired, and why it ended.
func retiredReason(meta string) (string, bool) {
	rest, retired := strings.CutPrefix(meta, "2 retired ")
	_, rest, _ = strings.Cut(rest, " ") // the token of who retired it
	reason, _, _ := strings.Cut(rest, " ")
	return reason, retired
}

// ParseMeta reads what [Meta.String] wrote, or returns [ErrFormat].
func ParseMeta(s string) (Meta, error) {
	var part [5]string
	rest := s
	for i := range part {
		var found bool
		if part[i], rest, found = strings.Cut(rest, " "); !found {
			return Meta{}, ErrFormat
		}
	}
	timeout, errTimeout := strconv.ParseInt(part[1], 10, 64)
	created, errCreated := strconv.ParseInt(part[2], 10, 64)
	extras, errExtras := parseExtras(part[3])
	idle, errIdle := times(timeout, time.Millisecond)
	if part[0] != "2" || errTimeout != nil || errCreated != nil || errExtras != nil || errIdle != nil {
		return Meta{}, ErrFormat
	}
	return Meta{
		Timeout:   idle,
		Created:   time.UnixMilli(created),
		Extras:    extras,
		Commit:    part[4],
		Principal: rest,
	}, nil
}

// Unreadable tells whether an error is about the data of one session, so that another look has the same
// answer: they have a format that this berth does not know, or are no hash.
func Unreadable(err error) bool {
	var answer redis.Error // before Redis 7 the error of a script begins with other words
	return errors.Is(err, ErrFormat) || errors.As(err, &answer) && strings.Contains(answer.Error(), "WRONGTYPE")
}
