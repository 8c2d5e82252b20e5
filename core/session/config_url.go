package session

import (
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// form is one form of URL.
type form struct {
	ssl, socket, sentinel, cluster bool
}

var forms = map[string]form{
	"redis":           {},
	"rediss":          {ssl: true},
	"unix":            {socket: true},
	"redis+sentinel":  {sentinel: true},
	"rediss+sentinel": {ssl: true, sentinel: true},
	"redis+cluster":   {cluster: true},
	"rediss+cluster":  {ssl: true, cluster: true},
}

const formNames = "redis, rediss, unix, redis+sentinel, rediss+sentinel, redis+cluster or rediss+cluster"

var (
	hasScheme = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9+.-]*://`)

	// likeSecret are names of parameters and options whose value may be a secret, be they known or not.
	likeSecret = regexp.MustCompile(`(?i)pass|pw|secret|key|token|auth|cred`)
)

// parseLocation takes a URL, or a connection string of StackExchange.Redis, which has
// no scheme. Its problems quote nothing that might be a part of a password, not
// even of one that was not percent-encoded.
func parseLocation(s string, wrong *problems) (at location, ok bool) {
	before := len(*wrong)
	if hasScheme.MatchString(s) {
		at = parseURL(s, wrong)
	} else {
		at = parseStackExchange(s, wrong)
	}
	return at, len(*wrong) == before
}

// parseURL splits by hand: package net/url takes one host alone, and its errors quote
// the URL with the password.
func parseURL(s string, wrong *problems) location {
	scheme, rest, _ := strings.Cut(s, "://")
	before := len(*wrong)
	f, ok := forms[strings.ToLower(scheme)]
	if !ok {
		wrong.add("URL has the scheme %q: it must be %s", scheme, formNames)
		return location{}
	}
	authority, after := rest, ""
	if i := strings.IndexAny(rest, "/?#"); i >= 0 {
		authority, after = rest[:i], rest[i:]
	}
	if strings.Contains(after, "@") {
		wrong.add("URL has an @ behind a / ? or #: in a user or password these must be percent-encoded, as %%2F %%3F and %%23, and elsewhere the @, as %%40")
		return location{}
	}
	after, _, hasFragment := strings.Cut(after, "#")
	if hasFragment {
		wrong.add("URL has a #, which none of its forms has: in a user or password it must be percent-encoded, as %%23")
	}
	path, query, _ := strings.Cut(after, "?")

	at := location{ssl: &f.ssl}
	if f.cluster || f.sentinel {
		at.cluster = &f.cluster
	}
	hosts := authority
	if i := strings.LastIndex(authority, "@"); i >= 0 {
		hosts = authority[i+1:]
		at.user(authority[:i], wrong)
	}
	at.hosts(f, hosts, wrong)
	at.path(f, path, wrong)
	at.parameters(f, query, len(*wrong) > before, wrong)
	return at
}

func (at *location) user(s string, wrong *problems) {
	user, password, _ := strings.Cut(s, ":")
	for _, part := range []struct {
		field **string
		text  string
	}{{&at.username, user}, {&at.accessKey, password}} {
		text, err := url.PathUnescape(part.text)
		if err != nil {
			wrong.add("URL has a %% in its user or password that two hexadecimal digits do not follow: a %% itself must be percent-encoded, as %%25")
			return
		}
		if text != "" {
			*part.field = &text
		}
	}
}

func (at *location) hosts(f form, s string, wrong *problems) {
	if f.socket {
		if s != "" {
			wrong.add("URL has a host: behind unix:// comes the path of the socket, as in unix:///run/redis.sock")
		}
		return
	}
	port := defaultPort
	if f.sentinel {
		port = defaultSentinelPort
	}
	if s == "" {
		s = "127.0.0.1"
		if f.sentinel || f.cluster {
			wrong.add("URL has no host: it must name one or more servers, with commas between them")
		}
	}
	for i, text := range strings.Split(s, ",") {
		e, ok := parseEndpoint(text)
		if !ok {
			wrong.add("URL has something else than host:port or host for server %d, where the port is from 1 to 65535", i+1)
		}
		def(&e.port, port)
		at.endpoints = append(at.endpoints, e)
	}
	if len(at.endpoints) > 1 && !f.sentinel && !f.cluster {
		wrong.add("URL names %d servers: write redis+sentinel:// or redis+cluster://", len(at.endpoints))
	}
}

func (at *location) path(f form, s string, wrong *problems) {
	if f.socket {
		socket, err := url.PathUnescape(s)
		if err != nil || !strings.HasPrefix(socket, "/") || len(socket) == 1 {
			wrong.add("URL has no path of a socket, as in unix:///run/redis.sock")
		}
		at.socket = &socket
		return
	}
	s = strings.Trim(s, "/")
	if f.sentinel {
		master, rest, _ := strings.Cut(s, "/")
		master, err := url.PathUnescape(master)
		if err != nil || master == "" {
			wrong.add("URL has no name of the master behind its hosts, as in redis+sentinel://host/mymaster")
		}
		at.masterName, s = &master, rest
	}
	if s != "" {
		at.database(s, "behind its hosts", wrong)
	}
}

func (at *location) database(s, where string, wrong *problems) {
	n, err := strconv.ParseUint(s, 10, 31)
	if err != nil {
		wrong.add("URL has something else than the number of a database %s", where)
		return
	}
	if at.databaseID != nil {
		wrong.add("URL names a database twice")
	}
	at.databaseID = new(int(n))
}

// parameters takes what is behind the ?. With doubt it may be the rest of a password,
// as may be what comes behind a password here, and nothing of that is shown. It does
// not use [url.ParseQuery], which makes blanks of the + in passwords.
func (at *location) parameters(f form, query string, doubt bool, wrong *problems) {
	if query == "" {
		return
	}
	known := []string{"db", "connection_timeout", "operation_timeout"}
	if f.sentinel {
		known = append(known, "sentinel_username", "sentinel_password")
	}
	seen := map[string]bool{}
	for pair := range strings.SplitSeq(query, "&") {
		name, value, ok := parsePair(pair)
		switch {
		case !ok:
			wrong.add("URL has parameters that are not percent-encoded as they must be: a %% itself is %%25")
		case pair == "":
			wrong.add("URL has an & without a parameter before or behind it: in a value it must be percent-encoded, as %%26")
		case !slices.Contains(known, name) && doubt:
			wrong.add("URL has a parameter that is not known, and not shown since it may be a part of a password, "+
				"in which an & must be percent-encoded, as %%26: known are %s", strings.Join(known, ", "))
		case !slices.Contains(known, name):
			wrong.add("URL has the parameter %s: known are %s; for other settings make a client and call New",
				shown(name), strings.Join(known, ", "))
		case seen[name]:
			wrong.add("URL has the parameter %s more than once", name)
		default:
			at.parameter(name, value, doubt, wrong)
		}
		seen[name] = true
		doubt = doubt || !ok || likeSecret.MatchString(name)
	}
}

func parsePair(s string) (name, value string, ok bool) {
	name, value, _ = strings.Cut(s, "=")
	name, err := url.PathUnescape(name)
	if err != nil {
		return "", "", false
	}
	value, err = url.PathUnescape(value)
	return name, value, err == nil
}

func (at *location) parameter(name, value string, doubt bool, wrong *problems) {
	switch name {
	case "db":
		at.database(value, "as db", wrong)
	case "connection_timeout":
		at.connectionTimeout = duration(name, value, doubt, wrong)
	case "operation_timeout":
		at.operationTimeout = duration(name, value, doubt, wrong)
	case "sentinel_username":
		at.sentinelUsername = &value
	case "sentinel_password":
		at.sentinelPassword = &value
	}
}

func duration(name, value string, doubt bool, wrong *problems) *time.Duration {
	d, err := time.ParseDuration(value)
	if err != nil || d < time.Millisecond {
		text := shown(value)
		if doubt {
			text = "(not shown)"
		}
		wrong.add("URL has the %s %s: it must be a time of at least 1ms, such as 5s or 500ms", name, text)
	}
	return &d
}
