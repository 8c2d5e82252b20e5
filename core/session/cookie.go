package session

import (
	"context"
	"net/http"
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
	SecureAuto Secure = iota // the order is that of package cookie
	SecureAlways
	SecureNever
)

// settings returns what package cookie needs.
func (c Cookie) settings() cookie.Settings {
	return cookie.Settings{
		Name: c.Name, Domain: c.Domain, Path: c.Path, MaxAge: c.MaxAge, Secure: cookie.Secure(c.Secure),
		SameSite: http.SameSite(c.SameSite), HostPrefix: c.HostPrefix, Partitioned: c.Partitioned,
	}
}

// warnOfHTTP logs once that browsers send the cookie by plain HTTP too, unless its host is this machine.
func (s *Session) warnOfHTTP() {
	host := s.opened.request.host
	if host == "" || cookie.Local(host) || s.m.warned.Swap(true) {
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
		s.draft.Saved.Extras.CookieSent, s.owed = now, owesCookie
	}
}

func (c Cookie) withDefaults() (Cookie, error) {
	def(&c.Name, "session")
	def(&c.Path, "/")
	def(&c.SameSite, SameSiteLax)
	checked, err := c.settings().Check()
	c.Name, c.Secure = checked.Name, Secure(checked.Secure)
	return c, err
}
