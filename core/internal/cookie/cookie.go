package cookie

import (
	"slices"
	"strings"

	"github.com/berthgo/berth/core/internal/credential"
)

// most is how many IDs of a request count. A client may send any number.
const most = 4

// IDs appends the session IDs in the lines of a request's Cookie header to ids: the first four
// different values of cookies of that name that have the form of an ID.
func IDs(ids, lines []string, name string) []string {
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
			ids = add(ids, id)
		}
	}
	return ids
}

// Valid appends the first four different values that have the form of an ID to ids.
func Valid(ids, values []string) []string {
	for _, id := range values {
		ids = add(ids, id)
	}
	return ids
}

func add(ids []string, id string) []string {
	if len(ids) < most && credential.Valid(id) && !slices.Contains(ids, id) {
		return append(ids, id)
	}
	return ids
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
