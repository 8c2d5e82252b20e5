package cookie

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"
)

// Settings are what a session cookie looks like.
type Settings struct {
	Name, Domain, Path      string
	MaxAge                  time.Duration
	Secure                  Secure
	SameSite                http.SameSite
	HostPrefix, Partitioned bool
}

// Secure says when a cookie has the Secure attribute.
type Secure int

// When a cookie has the Secure attribute.
const (
	SecureAuto   Secure = iota // if the request came encrypted
	SecureAlways               // always
	SecureNever                // never
)

const (
	hostPrefix = "__Host-"
	maxCookie  = 4096 // RFC 6265bis, section 5.6: of name and value, and of each attribute 1024
	idLength   = 53
)

// Header is the content of Set-Cookie for an ID and an age, or for the deletion of the cookie.
func (c Settings) Header(id string, age time.Duration, encrypted bool) string {
	header := http.Cookie{
		Name: c.Name, Value: id, Domain: c.Domain, Path: c.Path,
		MaxAge: int(age / time.Second), HttpOnly: true,
		Secure:      c.Secure == SecureAlways || c.Secure == SecureAuto && encrypted,
		SameSite:    c.SameSite,
		Partitioned: c.Partitioned,
	}
	if id == "" {
		header.MaxAge = -1
	}
	return header.String()
}

// Check returns the settings with what follows from others: the prefix of the name, and Secure. The error names
// all that browsers would refuse.
func (c Settings) Check() (Settings, error) {
	var errs []error
	wrong := func(format string, args ...any) { errs = append(errs, fmt.Errorf("Cookie."+format, args...)) }
	if !IsToken(c.Name) {
		wrong("Name is %q: it must be letters, digits and signs such as - _ .", c.Name)
	}
	if c.Secure < SecureAuto || c.Secure > SecureNever {
		wrong("Secure is %d: it must be SecureAuto, SecureAlways or SecureNever", c.Secure)
	}
	if c.SameSite < http.SameSiteLaxMode || c.SameSite > http.SameSiteNoneMode {
		wrong("SameSite is %d: it must be SameSiteLax, SameSiteStrict or SameSiteNone", c.SameSite)
	}
	if c.MaxAge < 0 || c.MaxAge > 0 && c.MaxAge < time.Second {
		wrong("MaxAge is %v: it must be at least 1s, or 0 for a cookie that ends with the browser", c.MaxAge)
	}
	if !strings.HasPrefix(c.Path, "/") || strings.ContainsFunc(c.Path, NotInAttribute) {
		wrong("Path is %q: it must start with / and have no ; or control characters", c.Path)
	}
	if c.Domain != "" && !IsDomain(c.Domain) {
		wrong("Domain is %q: it must be a host name of letters, digits, hyphens and dots", c.Domain)
	}
	if c.HostPrefix {
		c.Name = hostPrefix + c.Name
	}
	always := c.HostPrefix || c.Partitioned || c.SameSite == http.SameSiteNoneMode
	switch lower := strings.ToLower(c.Name); {
	case strings.HasPrefix(lower, strings.ToLower(hostPrefix)):
		if (c.Domain != "" || c.Path != "/") && c.HostPrefix {
			wrong("HostPrefix goes with no Domain and the Path / only: browsers refuse anything else")
		}
		if !c.HostPrefix {
			wrong("Name is %q: browsers refuse it without Secure; set HostPrefix, and leave the prefix out of Name", c.Name)
		}
	case strings.HasPrefix(lower, "__secure-") && !always && c.Secure != SecureAlways:
		wrong("Name is %q: browsers refuse it without Secure; set Secure to SecureAlways", c.Name)
	}
	if n := len(c.Header(strings.Repeat("x", idLength), c.MaxAge, true)); n > maxCookie {
		wrong("Name, Path and Domain make a cookie of %d bytes: browsers refuse more than %d", n, maxCookie)
	}
	if always {
		if c.Secure == SecureNever {
			wrong("Secure is SecureNever: browsers refuse HostPrefix, Partitioned and SameSite None without it")
		}
		c.Secure = SecureAlways
	}
	return c, errors.Join(errs...)
}
