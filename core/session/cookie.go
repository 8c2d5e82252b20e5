package session

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"
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
	// Defaults to [http.SameSiteLaxMode].
	SameSite http.SameSite `json:"sameSite" yaml:"sameSite" env:"SESSION_COOKIE_SAME_SITE"`

	// MaxAge is how long the browser keeps the cookie. berth sends it again when a tenth of that
	// has passed, except to [ReadOnly] requests. Defaults to 0: until the browser is closed.
	MaxAge time.Duration `json:"maxAge" yaml:"maxAge" env:"SESSION_COOKIE_MAX_AGE"`

	// HostPrefix puts "__Host-" before the name, so that browsers accept the cookie only from this
	// very host, over HTTPS (RFC 6265bis, section 4.1.3.2). It sets Secure. Domain must be "" and
	// Path "/". Defaults to false.
	HostPrefix bool `json:"hostPrefix" yaml:"hostPrefix" env:"SESSION_COOKIE_HOST_PREFIX"`

	// Partitioned gives an embedded page a cookie of its own for every site that embeds it (CHIPS).
	// It sets Secure. An embedded page needs SameSite None, too. Defaults to false.
	Partitioned bool `json:"partitioned" yaml:"partitioned" env:"SESSION_COOKIE_PARTITIONED"`
}

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

// header is the content of Set-Cookie for an ID, or for the deletion of the cookie.
func (c Cookie) header(id string, encrypted bool) string {
	header := http.Cookie{
		Name: c.Name, Value: id, Domain: c.Domain, Path: c.Path,
		MaxAge: int(c.MaxAge / time.Second), HttpOnly: true,
		Secure:      c.Secure == SecureAlways || c.Secure == SecureAuto && encrypted,
		SameSite:    c.SameSite,
		Partitioned: c.Partitioned,
	}
	if id == "" {
		header.MaxAge = -1
	}
	return header.String()
}

// cookieIsDue tells whether a commit must send the cookie for its age alone.
func (s *Session) cookieIsDue(http bool, now time.Time) bool {
	age := s.m.options.Cookie.MaxAge
	return http && age != 0 && !s.isNew && !s.rotate && now.Sub(s.meta.Extras.CookieSent) >= age/10
}

func (c Cookie) withDefaults() (Cookie, error) {
	var errs []error
	def(&c.Name, "session")
	def(&c.Path, "/")
	def(&c.SameSite, http.SameSiteLaxMode)
	wrong := func(format string, args ...any) { errs = append(errs, fmt.Errorf("Cookie."+format, args...)) }
	if !isToken(c.Name) {
		wrong("Name is %q: it must be letters, digits and signs such as - _ .", c.Name)
	}
	if c.Secure < SecureAuto || c.Secure > SecureNever {
		wrong("Secure is %d: it must be SecureAuto, SecureAlways or SecureNever", c.Secure)
	}
	if c.SameSite < http.SameSiteDefaultMode || c.SameSite > http.SameSiteNoneMode {
		wrong("SameSite is %d: it must be one of the modes of net/http", c.SameSite)
	}
	if c.MaxAge < 0 || c.MaxAge > 0 && c.MaxAge < time.Second {
		wrong("MaxAge is %v: it must be at least 1s, or 0 for a cookie that ends with the browser", c.MaxAge)
	}
	if !strings.HasPrefix(c.Path, "/") || strings.ContainsFunc(c.Path, notInAttribute) {
		wrong("Path is %q: it must start with / and have no ; or control characters", c.Path)
	}
	if strings.ContainsFunc(c.Domain, func(r rune) bool { return r <= ' ' || notInAttribute(r) || r == '/' || r == ':' }) {
		wrong("Domain is %q: it must be a bare host name", c.Domain)
	}
	if c.HostPrefix {
		c.Name = "__Host-" + c.Name
		if c.Domain != "" || c.Path != "/" {
			wrong("HostPrefix goes with no Domain and the Path / only")
		}
	}
	if c.HostPrefix || c.Partitioned || c.SameSite == http.SameSiteNoneMode {
		if c.Secure == SecureNever {
			wrong("Secure is SecureNever: browsers refuse HostPrefix, Partitioned and SameSite None without it")
		}
		c.Secure = SecureAlways
	}
	return c, errors.Join(errs...)
}

// isToken tells whether s is a token of RFC 9110, section 5.6.2.
func isToken(s string) bool {
	return s != "" && !strings.ContainsFunc(s, func(r rune) bool {
		return r <= ' ' || r >= 0x7f || strings.ContainsRune(`()<>@,;:\"/[]?={}`, r)
	})
}

func notInAttribute(r rune) bool { return r < ' ' || r >= 0x7f || r == ';' }
