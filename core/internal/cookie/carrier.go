package cookie

import (
	"fmt"
	"net/http"
	"time"
)

// Carrier is where requests and responses have the session ID: in a cookie, or in a header of its own.
type Carrier struct {
	Settings        // of the cookie
	InHeader string // the header in its place, "" for the cookie
}

// IDs appends the different IDs that a request carries to ids, four at most.
func (c *Carrier) IDs(ids []string, request Headers) []string {
	if c.InHeader != "" {
		return Valid(ids, request.Values(c.InHeader))
	}
	return IDs(ids, request.Values("Cookie"), c.Name)
}

// CookieName is the name of the cookie, "" if a header is in its place.
func (c *Carrier) CookieName() string {
	if c.InHeader != "" {
		return ""
	}
	return c.Name
}

// Vary says in a response that it depends on the ID.
func (c *Carrier) Vary(response Headers) {
	if c.InHeader != "" {
		Vary(response, c.InHeader)
		return
	}
	Vary(response, "Cookie")
}

// IsSet tells whether a response sets the cookie already.
func (c *Carrier) IsSet(response Headers) bool { return c.InHeader == "" && IsSet(response, c.Name) }

// Tell gives the client an ID for an age, or with "" takes its ID away. Encrypted says that the request came
// to this process by TLS. If browsers will send the cookie by plain HTTP too, and nobody has said that they
// may, plain is true.
func (c *Carrier) Tell(request, response Headers, id string, age time.Duration, encrypted bool) (plain bool) {
	if c.InHeader != "" {
		response.Set(c.InHeader, id)
		return false
	}
	encrypted = encrypted || ByHTTPS(request.Values("X-Forwarded-Proto"), request.Values("Forwarded"))
	response.Add("Set-Cookie", c.Header(id, age, encrypted))
	return c.Secure == SecureAuto && !encrypted
}

// CheckHeader returns why a header cannot carry the ID, nil if it can.
func CheckHeader(name string) error {
	switch {
	case name == "":
		return nil
	case !IsToken(name):
		return fmt.Errorf("Options.Header is %q: it is not the name of an HTTP header", name)
	case takenHeaders[http.CanonicalHeaderKey(name)]:
		return fmt.Errorf("Options.Header is %q: HTTP itself uses that; take one of your own, such as X-Session", name)
	}
	return nil
}

// takenHeaders are headers that mean something else, in a request or in a response.
var takenHeaders = map[string]bool{
	"Accept": true, "Authorization": true, "Cache-Control": true, "Connection": true, "Content-Encoding": true,
	"Content-Length": true, "Content-Type": true, "Cookie": true, "Date": true, "Etag": true, "Expect": true, "Expires": true,
	"Host": true, "Keep-Alive": true, "Location": true, "Origin": true, "Proxy-Authenticate": true,
	"Proxy-Authorization": true, "Referer": true, "Retry-After": true, "Set-Cookie": true, "Te": true, "Trailer": true,
	"Transfer-Encoding": true, "Upgrade": true, "User-Agent": true, "Vary": true, "Via": true, "Www-Authenticate": true,
}
