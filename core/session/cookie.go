package session

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/berthgo/berth/core/internal/cookie"
	"github.com/berthgo/berth/core/internal/store"
)

// Cookie is what the session cookie looks like. It is always HttpOnly, since no script on a page
// needs it.
type Cookie struct {
	// Name of the cookie. Defaults to "session", after the prefix if there is one.
	Name string `json:"name" yaml:"name" env:"SESSION_COOKIE_NAME"`

	// Domain to which the browser sends the cookie. Defaults to "", the host that set it.
	Domain string `json:"domain" yaml:"domain" env:"SESSION_COOKIE_DOMAIN"`

	// Path below which the browser sends the cookie. Defaults to "/".
	Path string `json:"path" yaml:"path" env:"SESSION_COOKIE_PATH"`

	// Secure says whether the browser sends the cookie over HTTPS only. Defaults to [SecureAuto].
	Secure Secure `json:"secure" yaml:"secure" env:"SESSION_COOKIE_SECURE"`

	// SameSite says whether the browser sends the cookie with requests that other sites cause.
	// Defaults to [SameSiteLax].
	SameSite SameSite `json:"sameSite" yaml:"sameSite" env:"SESSION_COOKIE_SAME_SITE"`

	// MaxAge is how long the browser keeps the cookie. berth sends it again when a tenth of that
	// has passed; a [ReadOnly] request then takes a second round trip. Defaults to 0: until the
	// browser is closed. [Session.Remember] sets it for one session.
	MaxAge time.Duration `json:"maxAge" yaml:"maxAge" env:"SESSION_COOKIE_MAX_AGE"`

	// HostPrefix puts "__Host-" before the name, so that browsers accept the cookie only from this
	// very host, over HTTPS (RFC 6265bis, section 4.1.3.2). It sets Secure. Domain must be "" and
	// Path "/". Defaults to false.
	HostPrefix bool `json:"hostPrefix" yaml:"hostPrefix" env:"SESSION_COOKIE_HOST_PREFIX"`

	// Partitioned gives an embedded page a cookie of its own for every site that embeds it (CHIPS).
	// It sets Secure. An embedded page needs SameSite None, too. Defaults to false.
	Partitioned bool `json:"partitioned" yaml:"partitioned" env:"SESSION_COOKIE_PARTITIONED"`
}

// SameSite is an [http.SameSite] that loaders fill from lax, strict or none.
type SameSite int

// Whether the browser sends the cookie with requests that other sites cause.
const (
	// SameSiteLax is for links alone: other sites cannot post with the cookie.
	SameSiteLax = SameSite(http.SameSiteLaxMode)
	// SameSiteStrict is never, not even for links.
	SameSiteStrict = SameSite(http.SameSiteStrictMode)
	// SameSiteNone is always. It sets Secure.
	SameSiteNone = SameSite(http.SameSiteNoneMode)
)

// Secure says when a cookie has the Secure attribute.
type Secure int

// When a cookie has the Secure attribute.
const (
	// SecureAuto sets it if the request came by TLS, to this process, or to a proxy that says so in
	// X-Forwarded-Proto or Forwarded (RFC 7239).
	SecureAuto Secure = iota
	SecureAlways
	SecureNever
)

// header is the content of Set-Cookie for an ID and an age, or for the deletion of the cookie.
func (c Cookie) header(id string, age time.Duration, encrypted bool) string {
	header := http.Cookie{
		Name: c.Name, Value: id, Domain: c.Domain, Path: c.Path,
		MaxAge: int(age / time.Second), HttpOnly: true,
		Secure:      c.Secure == SecureAlways || c.Secure == SecureAuto && encrypted,
		SameSite:    http.SameSite(c.SameSite),
		Partitioned: c.Partitioned,
	}
	if id == "" {
		header.MaxAge = -1
	}
	return header.String()
}

// cookieIsDue tells whether a commit must send the cookie for its age alone.
func (s *Session) cookieIsDue(http bool, now time.Time) bool {
	if !http || s.isNew || s.rotate {
		return false
	}
	age := s.cookieAge()
	return age != 0 && now.Sub(s.meta.Extras.CookieSent) >= age/10 || s.remembered != s.meta.Extras.Remembered
}

// cookieAge is how long the browser keeps the session's cookie, 0 for as long as it is open.
func (s *Session) cookieAge() time.Duration {
	if s.remembered != 0 {
		return s.remembered
	}
	return s.m.options.Cookie.MaxAge
}

// warnOfHTTP logs once that a cookie of another host than this machine is not Secure, since
// browsers then also send it by plain HTTP.
func (s *Session) warnOfHTTP(encrypted bool) {
	host := s.opened.request.host
	if encrypted || host == "" || s.m.options.Cookie.Secure != SecureAuto || cookie.Local(host) || s.m.warned.Swap(true) {
		return
	}
	s.m.options.Logger.Warn("the session cookie is not Secure: the request came by plain HTTP, or by a proxy that does not say HTTPS. "+
		"Let the proxy set X-Forwarded-Proto, or set Options.Cookie.Secure to SecureAlways, or to SecureNever if this is meant",
		"app", s.m.options.App, "host", host)
}

// resendCookie sends the cookie of a session again that was begun ReadOnly, for its age.
func (s *Session) resendCookie(ctx context.Context, now time.Time) {
	var status store.Status
	token := s.m.process.Token()
	err := s.m.call(ctx, opCommit, func(int) (err error) {
		change := store.Change{Extras: store.Extras{CookieSent: now}}
		status, err = s.m.store.Merge(ctx, s.handle, s.shown(), token, change)
		return err
	})
	s.note(err)
	if err == nil && status == store.Done { // not if the ID was rotated meanwhile
		s.meta.Extras.CookieSent, s.owed = now, owesCookie
	}
}

func (c Cookie) withDefaults() (Cookie, error) {
	var errs []error
	def(&c.Name, "session")
	def(&c.Path, "/")
	def(&c.SameSite, SameSiteLax)
	wrong := func(format string, args ...any) { errs = append(errs, fmt.Errorf("Cookie."+format, args...)) }
	if !cookie.IsToken(c.Name) {
		wrong("Name is %q: it must be letters, digits and signs such as - _ .", c.Name)
	}
	if c.Secure < SecureAuto || c.Secure > SecureNever {
		wrong("Secure is %d: it must be SecureAuto, SecureAlways or SecureNever", c.Secure)
	}
	if c.SameSite < SameSiteLax || c.SameSite > SameSiteNone {
		wrong("SameSite is %d: it must be SameSiteLax, SameSiteStrict or SameSiteNone", c.SameSite)
	}
	if c.MaxAge < 0 || c.MaxAge > 0 && c.MaxAge < time.Second {
		wrong("MaxAge is %v: it must be at least 1s, or 0 for a cookie that ends with the browser", c.MaxAge)
	}
	if !strings.HasPrefix(c.Path, "/") || strings.ContainsFunc(c.Path, cookie.NotInAttribute) {
		wrong("Path is %q: it must start with / and have no ; or control characters", c.Path)
	}
	if c.Domain != "" && !cookie.IsDomain(c.Domain) {
		wrong("Domain is %q: it must be a host name of letters, digits, hyphens and dots", c.Domain)
	}
	if c.HostPrefix {
		c.Name = hostPrefix + c.Name
	}
	secure := c.Secure == SecureAlways || c.Partitioned || c.SameSite == SameSiteNone
	switch lower := strings.ToLower(c.Name); {
	case strings.HasPrefix(lower, strings.ToLower(hostPrefix)):
		if (c.Domain != "" || c.Path != "/") && c.HostPrefix {
			wrong("HostPrefix goes with no Domain and the Path / only: browsers refuse anything else")
		}
		if !c.HostPrefix {
			wrong("Name is %q: browsers refuse it without Secure; set HostPrefix, and leave the prefix out of Name", c.Name)
		}
	case strings.HasPrefix(lower, "__secure-") && !secure:
		wrong("Name is %q: browsers refuse it without Secure; set Secure to SecureAlways", c.Name)
	}
	if n := len(c.header(strings.Repeat("x", 53), c.MaxAge, true)); n > maxCookie {
		wrong("Name, Path and Domain make a cookie of %d bytes: browsers refuse more than %d", n, maxCookie)
	}
	if c.HostPrefix || c.Partitioned || c.SameSite == SameSiteNone {
		if c.Secure == SecureNever {
			wrong("Secure is SecureNever: browsers refuse HostPrefix, Partitioned and SameSite None without it")
		}
		c.Secure = SecureAlways
	}
	return c, errors.Join(errs...)
}

const (
	hostPrefix = "__Host-"
	maxCookie  = 4096 // RFC 6265bis, section 5.6: of name and value, and of each attribute 1024
)
