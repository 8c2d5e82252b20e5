package connect

import (
	"cmp"
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

	// likeSecret matches names of parameters and options whose value may be a secret. Unknown names count too.
	likeSecret = regexp.MustCompile(`(?i)pass|pw|secret|key|token|auth|cred`)
)

// parseLocation takes a URL, or a connection string of StackExchange.Redis, which has
// no scheme. Its problems quote nothing that may be part of a password, even if the
// password was not percent-encoded.
func parseLocation(s string, wrong *problems) (at location, ok bool) {
	before := len(*wrong)
	if hasScheme.MatchString(s) {
		at = parseURL(s, wrong)
	} else {
		at = parseStackExchange(s, wrong)
	}
	return at, len(*wrong) == before
}

// parseURL splits the URL by itself, because package net/url takes only one host, and
// its errors quote the URL with the password.
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
		wrong.add("URL has an @ after a / ? or #: in a user or password, write / as %%2F, ? as %%3F and # as %%23; anywhere else, write @ as %%40")
		return location{}
	}
	after, _, hasFragment := strings.Cut(after, "#")
	if hasFragment {
		wrong.add("URL has a #, which no form of URL has: in a user or password, write # as %%23")
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
			wrong.add("URL has a %% without two hexadecimal digits after it in its user or password: write %% as %%25")
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
			wrong.add("URL has a host: after unix:// comes the path of the socket, as in unix:///run/redis.sock")
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
			wrong.add("URL is wrong at server %d: it must be host:port or host, and the port from 1 to 65535", i+1)
		}
		e.port = cmp.Or(e.port, port)
		at.endpoints = append(at.endpoints, e)
	}
	if len(at.endpoints) > 1 && !f.sentinel && !f.cluster {
		wrong.add("URL names %d servers: write redis+sentinel:// if they are Sentinels, or redis+cluster:// if they are nodes of a cluster", len(at.endpoints))
	}
}

func (at *location) path(f form, s string, wrong *problems) {
	if f.socket {
		socket, err := url.PathUnescape(s)
		if err != nil || !strings.HasPrefix(socket, "/") || len(socket) == 1 {
			wrong.add("URL has no path of a socket: write it as in unix:///run/redis.sock")
		}
		at.socket = &socket
		return
	}
	s = strings.Trim(s, "/")
	if f.sentinel {
		master, rest, _ := strings.Cut(s, "/")
		master, err := url.PathUnescape(master)
		if err != nil || master == "" {
			wrong.add("URL has no name of the master after its hosts: write it as in redis+sentinel://host/mymaster")
		}
		at.masterName, s = &master, rest
	}
	if s != "" {
		at.database(s, "after its hosts", wrong)
	}
}

func (at *location) database(s, where string, wrong *problems) {
	n, err := strconv.ParseUint(s, 10, 31)
	if err != nil {
		wrong.add("URL has a wrong database %s: it must be a number, and 0 or more", where)
		return
	}
	if at.databaseID != nil {
		wrong.add("URL names a database twice: name it after the hosts, or in the parameter db")
	}
	at.databaseID = new(int(n))
}

// parameters takes what comes after the ?. With doubt, that may be the rest of a password
// that was not percent-encoded, and problems quote nothing of it. Doubt also begins after
// a parameter that is a password. This function does not use [url.ParseQuery], which
// turns a + in a password into a blank.
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
			wrong.add("URL has a %% without two hexadecimal digits after it in its parameters: write %% as %%25")
		case pair == "":
			wrong.add("URL has an & without a parameter before or after it: in a value, write & as %%26")
		case !slices.Contains(known, name) && doubt:
			wrong.add("URL has an unknown parameter, not shown here because it may be part of a password: "+
				"in a password, write & as %%26; the known parameters are %s", strings.Join(known, ", "))
		case !slices.Contains(known, name):
			wrong.add("URL has the unknown parameter %s: the known parameters are %s; for other settings, make a go-redis client yourself",
				shown(name), strings.Join(known, ", "))
		case seen[name]:
			wrong.add("URL has the parameter %s more than once: leave it out of all places but one", name)
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
		at.database(value, "in the parameter db", wrong)
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
		wrong.add("URL has the %s %s: it must be a time with its unit, such as 5s or 500ms, and at least 1ms", name, text)
	}
	return &d
}
