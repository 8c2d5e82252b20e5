package draft

import (
	"time"

	"github.com/berthgo/berth/core/internal/store"
)

// Rules are what all sessions of an application have in common.
type Rules struct {
	Timeout, Anonymous time.Duration // the idle timeouts of sessions with a principal and without one
	Lifetime           time.Duration // 0 for no limit
	CookieAge          time.Duration // 0 for as long as the browser is open
	Retention          time.Duration // 0 if ends are not tracked
}

// TimeoutOf returns the default idle timeout of a principal's session, or of one without.
func (r *Rules) TimeoutOf(principal string) time.Duration {
	if principal == "" {
		return r.Anonymous
	}
	return r.Timeout
}

// Draft is the facts of one session.
type Draft struct {
	Saved store.Meta // as in Redis, after the last commit or begin
	New   bool       // it is not in Redis yet

	Timeout       time.Duration
	Remembered    time.Duration // the cookie's age, 0 for that of the rules
	Principal     string
	Authenticated time.Time // by this request; zero if it did not
	Companion     *string   // to be written
	Rotate        bool
	Switched      bool // another user had it: what belongs to that user goes
}

// Fresh returns the draft of a session that is in Redis only once it is saved.
func Fresh(r *Rules) Draft { return Draft{New: true, Timeout: r.Anonymous} }

// Of returns the draft of a session that Redis has.
func Of(m store.Meta) Draft {
	return Draft{Saved: m, Timeout: m.Timeout, Principal: m.Principal, Remembered: m.Extras.Remembered}
}

// Undo makes of the draft again what was loaded.
func (d *Draft) Undo(r *Rules) {
	again := Of(d.Saved)
	if again.New = d.New; d.New {
		again.Timeout = r.Anonymous
	}
	*d = again
}

// Sign gives the session to another principal, or with "" to none. It tells whether somebody had it before, so
// that what belongs to that user goes.
func (d *Draft) Sign(r *Rules, principal string) (switched bool) {
	if switched = d.Principal != ""; switched {
		d.Timeout, d.Remembered, d.Companion = r.TimeoutOf(d.Principal), 0, nil
		d.Switched = !d.New
	}
	if d.Timeout == r.TimeoutOf(d.Principal) {
		d.Timeout = r.TimeoutOf(principal)
	}
	d.Principal = principal
	d.Authenticate()
	return switched
}

// Authenticate says that the principal has just given a password, or the like.
func (d *Draft) Authenticate() {
	d.Authenticated = time.UnixMilli(time.Now().UnixMilli())
	d.Rotate = !d.New
}

// AuthenticatedAt returns when the principal has done so last: the zero time if there is none, or if nobody knows.
func (d *Draft) AuthenticatedAt() time.Time {
	switch {
	case d.Principal == "":
		return time.Time{}
	case !d.Authenticated.IsZero():
		return d.Authenticated
	}
	return d.Saved.Extras.Authenticated
}

// Within returns t, but no more than is left until the maximum lifetime ends the session.
func (d *Draft) Within(r *Rules, t time.Duration) time.Duration {
	if r.Lifetime == 0 || t == 0 {
		return t
	}
	born := d.Saved.Born()
	if d.New || d.Authenticated.After(born) {
		born = time.Now()
	}
	return max(0, min(t, time.Until(born.Add(r.Lifetime))))
}

// CookieAge is how long the browser keeps the session's cookie, 0 for as long as it is open.
func (d *Draft) CookieAge(r *Rules) time.Duration {
	if d.Remembered != 0 {
		return d.Remembered
	}
	return r.CookieAge
}

// CookieIsDue tells whether a commit must send the cookie for its age alone.
func (d *Draft) CookieIsDue(r *Rules, now time.Time) bool {
	if d.New || d.Rotate {
		return false
	}
	age := d.CookieAge(r)
	return age != 0 && now.Sub(d.Saved.Extras.CookieSent) >= age/10 || d.Remembered != d.Saved.Extras.Remembered
}

// Facts returns what is true of the session after a commit. Due says that the cookie is sent for its age.
func (d *Draft) Facts(r *Rules, now time.Time, due bool) store.Meta {
	facts := d.Saved
	facts.Timeout, facts.Principal = d.Timeout, d.Principal
	extras := &facts.Extras
	extras.Remembered = d.Remembered
	extras.Companion = d.Companion != nil || d.Saved.Extras.Companion && !d.Switched
	if !d.Authenticated.IsZero() {
		extras.Authenticated = d.Authenticated
	}
	if due || d.CookieAge(r) != 0 && (d.New || d.Rotate) {
		extras.CookieSent = now
	}
	switch {
	case d.Principal == "":
	case d.Principal != d.Saved.Principal:
		extras.Listed = now
	case d.Timeout > d.Saved.Timeout:
		extras.Listed = time.Unix(0, 0) // long ago, so that the index hears of it soon
	}
	if d.New {
		facts.Created, extras.Retention = now, r.Retention
	}
	return facts
}

// Change puts into c what a commit writes of the facts of a session that Redis has.
func (d *Draft) Change(c *store.Change, facts *store.Meta) {
	if d.Timeout != d.Saved.Timeout || d.Switched {
		c.Timeout = d.Timeout
	}
	if d.Principal != d.Saved.Principal || d.Switched {
		c.Principal, c.Wipe = &facts.Principal, d.Switched
	}
	c.Extras = facts.Extras.Since(d.Saved.Extras)
	// Requests of the user before may have given the session a companion meanwhile.
	c.Extras.Alone = d.Switched && d.Companion == nil
}
