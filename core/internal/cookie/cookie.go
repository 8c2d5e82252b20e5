package cookie

import (
	"strings"

	"github.com/berthgo/berth/core/internal/credential"
)

// ID returns the session ID among the lines of a request's Cookie header, "" if there is none. If
// there are several cookies of that name, the first that has the form of an ID counts.
func ID(lines []string, name string) string {
	for _, line := range lines {
		for pair := range strings.SplitSeq(line, ";") {
			key, id, _ := strings.Cut(strings.TrimLeft(pair, " \t"), "=")
			if key != name {
				continue
			}
			id = strings.TrimRight(id, " \t")
			if n := len(id); n >= 2 && id[0] == '"' && id[n-1] == '"' {
				id = id[1 : n-1]
			}
			if credential.Valid(id) {
				return id
			}
		}
	}
	return ""
}

// ByHTTPS tells whether a proxy says that the client came by HTTPS, in X-Forwarded-Proto or in
// Forwarded (RFC 7239). A client that lies about it gets a cookie that its browser sends less
// often, no more.
func ByHTTPS(protos, forwarded []string) bool {
	if len(protos) > 0 {
		first, _, _ := strings.Cut(protos[0], ",")
		return strings.EqualFold(strings.TrimSpace(first), "https")
	}
	if len(forwarded) == 0 {
		return false
	}
	client, _, _ := strings.Cut(forwarded[0], ",")
	for pair := range strings.SplitSeq(client, ";") {
		name, proto, _ := strings.Cut(strings.TrimSpace(pair), "=")
		if strings.EqualFold(name, "proto") {
			return strings.EqualFold(strings.Trim(proto, `"`), "https")
		}
	}
	return false
}
