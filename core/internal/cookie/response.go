package cookie

import (
	"slices"
	"strings"
)

// Headers are those of a response, as [http.Header] has them.
type Headers interface {
	Values(name string) []string
	Set(name, value string)
	Add(name, value string)
	Del(name string)
}

// IsSet tells whether a response sets the cookie of that name.
func IsSet(response Headers, name string) bool {
	return slices.ContainsFunc(response.Values("Set-Cookie"), func(line string) bool {
		before, _, _ := strings.Cut(line, "=")
		return before == name
	})
}

// NoStore says that no cache may keep a response.
func NoStore(response Headers) {
	response.Set("Cache-Control", "no-store")
	for _, name := range cacheHeaders {
		response.Del(name)
	}
}

// cacheHeaders are headers that make a cache keep a response in spite of Cache-Control: those of
// CDNs and proxies (RFC 9213 and names of vendors), and Expires for caches of HTTP/1.0.
var cacheHeaders = []string{
	"Expires", "CDN-Cache-Control", "Surrogate-Control", "Edge-Control", "X-Accel-Expires",
	"Cloudflare-CDN-Cache-Control", "Akamai-Cache-Control", "Netlify-CDN-Cache-Control", "Vercel-CDN-Cache-Control",
}

// Vary says in a response that it depends on a header of the request. It adds to the Vary that is there.
func Vary(response Headers, name string) {
	for _, line := range response.Values("Vary") {
		for field := range strings.SplitSeq(line, ",") {
			if field = strings.TrimSpace(field); field == "*" || strings.EqualFold(field, name) {
				return
			}
		}
	}
	response.Add("Vary", name)
}
