package session

import (
	"slices"
	"time"

	"github.com/berthgo/berth/core/internal/store"
)

// plan is what a commit does. It is made once: to send it again is always the same.
type plan struct {
	delta   delta
	facts   store.Meta   // of the session after it
	change  store.Change // what is written
	token   string       // of the commit
	id      string       // that the client gets, "" if it has it
	idle    bool         // nothing need be sent
	changes bool         // there is something to lose
	signsIn bool         // somebody is signed in who was not
	left    string       // who was signed in before and is not, "" if nobody was
	due     bool         // the cookie is to be sent for its age

	doubt error // how a try has failed that may have been executed, nil if there was none
	saved bool  // what the session itself has to know is written
}

// newPlan makes the plan of a commit. What it returns as an error has been sent nowhere.
func (s *Session) newPlan(http bool, now time.Time) (*plan, error) {
	d, err := s.delta()
	if err != nil {
		return nil, err
	}
	p := &plan{delta: d, facts: s.meta, due: s.cookieIsDue(http, now)}
	facts := &p.facts
	facts.Timeout, facts.Principal = s.timeout, s.principal
	facts.Extras.Companion = s.companion != nil || s.meta.Extras.Companion && !s.switched
	if !s.authenticated.IsZero() {
		facts.Extras.Authenticated = s.authenticated
	}
	if p.due || s.m.options.Cookie.MaxAge != 0 && (s.isNew || s.rotate) {
		facts.Extras.CookieSent = now
	}
	changesUser := s.principal != s.meta.Principal
	p.signsIn = changesUser && s.principal != ""
	if changesUser {
		p.left = s.meta.Principal
	}
	p.delta.deleted = append(p.delta.deleted, s.gone(d)...)
	slices.Sort(p.delta.deleted)
	switch {
	case p.signsIn:
		facts.Extras.Listed = now
	case s.timeout > s.meta.Timeout && s.principal != "":
		facts.Extras.Listed = time.Unix(0, 0) // long ago, so that the index hears of it soon
	}
	if s.isNew {
		s.planNew(p, now)
	} else {
		s.planChange(p)
	}
	return p, nil
}

// planNew completes the plan of a commit that creates the session.
func (s *Session) planNew(p *plan, now time.Time) {
	if s.handle == "" {
		s.handle = newHandle()
	}
	p.token, p.id, p.changes = s.m.process.Token(), newID(s.handle), true
	p.facts.Created, p.facts.Commit, p.facts.Extras.Retention = now, p.token, s.m.retention()
	p.change.Proof = proofOf(p.id)
	p.change.Set = append(p.delta.sealed(s.codec()), s.prove(p.change.Proof, p.facts)...)
}

// planChange completes the plan of a commit to a session that there is.
func (s *Session) planChange(p *plan) {
	c := &p.change
	c.Extras = p.facts.Extras.Since(s.meta.Extras)
	c.Set, c.Delete = p.delta.sealed(s.codec()), p.delta.fields()
	if s.timeout != s.meta.Timeout || s.switched {
		c.Timeout = s.timeout
	}
	if s.principal != s.meta.Principal || s.switched {
		c.Principal, c.Wipe = &p.facts.Principal, s.switched
	}
	// Others may have written for the user before, too, while this request held the session.
	c.Extras.Alone = s.switched && s.companion == nil
	if s.rotate {
		p.id = newID(s.handle)
		c.Proof = proofOf(p.id)
		c.Set = append(c.Set, s.prove(c.Proof, p.facts)...)
	}
	p.changes = !p.delta.empty() || c.Timeout != 0 || s.rotate || s.companion != nil
	if s.lease != nil {
		p.token = s.lease.token
		return
	}
	p.token, p.idle = s.m.process.Token(), !p.changes && !p.due
}

// gone are the values of the user before that have not been set since.
func (s *Session) gone(d delta) (keys []string) {
	for _, key := range s.cleared {
		if !slices.Contains(d.set, key) {
			keys = append(keys, key)
		}
	}
	return keys
}

// cookieIsDue tells whether the cookie of a session must be sent for its age alone.
func (s *Session) cookieIsDue(http bool, now time.Time) bool {
	age := s.m.options.Cookie.MaxAge
	return http && age != 0 && !s.isNew && !s.rotate && now.Sub(s.meta.Extras.CookieSent) >= age/10
}
