package session

import (
	"fmt"
	"time"
)

// SetTimeout sets the idle timeout of this session in place of Options.Timeout, from this request
// on. It must be at least 1 ms; 0 is the default of Options again. Of SetTimeout and
// [Session.Remember] the later sets the timeout.
func (s *Session) SetTimeout(d time.Duration) {
	s.change("SetTimeout", func() error {
		if d == 0 {
			s.draft.Timeout = s.m.rules.TimeoutOf(s.draft.Principal)
			return nil
		}
		if d < time.Millisecond {
			return fmt.Errorf("session: SetTimeout(%v): it must be at least 1ms; to end the session there is Abandon", d)
		}
		s.draft.Timeout = d.Truncate(time.Millisecond)
		return nil
	})
}

// Remember keeps the user signed in when the browser is closed: d, such as 30 days, becomes the idle
// timeout of this session and the age of its cookie. It must be at least 1 s, and counts in whole
// seconds; 0 takes it back. It stays when the ID is rotated, and goes when the user changes. The session
// still ends with MaxLifetime, and the cookie with it. Browsers keep no cookie for longer than 400
// days (RFC 6265bis, section 5.5).
func (s *Session) Remember(d time.Duration) {
	s.change("Remember", func() error {
		switch {
		case d == 0:
			s.draft.Timeout = s.m.rules.TimeoutOf(s.draft.Principal)
		case d < time.Second:
			return fmt.Errorf("session: Remember(%v): it must be at least 1s, or 0 to take it back", d)
		default:
			s.draft.Timeout = d.Truncate(time.Second)
		}
		s.draft.Remembered = d.Truncate(time.Second)
		return nil
	})
}

// Remembered returns what [Session.Remember] has set, in this request or an earlier one: 0 if nothing.
func (s *Session) Remembered() time.Duration {
	s.look()
	defer s.mu.Unlock()
	return s.draft.Remembered
}

// TimeLeft returns how long the session lives without another request. With [Peek] it is the rest of
// its idle time, or of MaxLifetime if that is shorter. With any other access, the request starts
// the idle time anew, so TimeLeft is all of it. For a detached session it is 0, and for a new one that
// has nothing in it, as after an expiry.
func (s *Session) TimeLeft() time.Duration {
	s.look()
	defer s.mu.Unlock()
	switch {
	case s.detached != attached, s.draft.New && !s.saves():
		return 0
	case !s.expires.IsZero():
		return max(0, time.Until(s.expires))
	}
	return s.draft.Within(&s.m.rules, s.draft.Timeout)
}
