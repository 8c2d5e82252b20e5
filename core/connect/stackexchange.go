package connect

import (
	"cmp"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// The options of StackExchange.Redis, which ignores upper and lower case.
var (
	understood = []string{
		"password", "user", "ssl", "sslHost", "defaultDatabase", "serviceName",
		"sentinelPassword", "sentinelUser", "connectTimeout", "syncTimeout", "asyncTimeout",
	}

	// ignored options have no counterpart in Config. They say how that client works inside, what
	// it is called, which commands and versions of TLS it allows, and how it retries.
	ignored = []string{
		"abortConnect", "allowAdmin", "channelPrefix", "checkCertificateRevocation", "clientName", "configChannel",
		"configCheckSeconds", "connectRetry", "defaults", "heartbeatConsistencyChecks", "heartbeatInterval", "highIntegrity",
		"highPriorityThreads", "keepAlive", "libraryName", "maintNotifications", "maintPostEventRelaxed", "maintRelaxedTimeout",
		"maintRelaxedWindowMax", "name", "preserveAsyncOrder", "protocol", "resolveDns", "responseTimeout", "setlib",
		"sslProtocols", "tcpKeepAlive", "tiebreaker", "topologyRefreshSeconds", "version", "writeBuffer",
	}

	// refused options name a way to Redis that this package does not know.
	refused = []string{"proxy", "tunnel"}
)

var likeOption = regexp.MustCompile(`^\$?[A-Za-z]+$`)

// parseStackExchange takes a connection string of StackExchange.Redis, such as the one
// that the Azure portal shows. Servers must come before options, although that client
// takes them anywhere: the text after a comma may be the rest of a password.
func parseStackExchange(s string, wrong *problems) location {
	x := stackExchange{problems: wrong}
	x.sharePassword = true
	if first, _, _ := strings.Cut(s, ","); strings.Contains(first, "://") || strings.Contains(first, "@") {
		wrong.add("URL is not a connection string, and does not start with a known scheme and ://: the scheme must be %s", formNames)
		return x.location
	}
	servers := 0
	for part := range strings.SplitSeq(s, ",") {
		part = strings.TrimSpace(part)
		name, value, isOption := strings.Cut(part, "=")
		switch {
		case part == "":
		case isOption:
			x.option(strings.TrimSpace(name), strings.TrimSpace(value))
		default:
			servers++
			x.server(part, servers)
		}
	}
	if len(x.unknown) > 0 {
		wrong.add("URL has unknown options: %s; the known options are %s; and these are ignored: %s",
			strings.Join(x.unknown, ", "), strings.Join(understood, ", "), strings.Join(ignored, ", "))
	}
	switch {
	case servers == 0:
		wrong.add("URL names no server: it must be a URL such as redis://host:6379, or a connection string such as host:6380,password=…,ssl=True")
	case x.socket != nil && servers > 1:
		wrong.add("URL names a Unix socket and other servers: name the socket alone")
	}
	x.operationTimeout = cmp.Or(x.sync, x.async)
	return x.location
}

// stackExchange is what was read of a connection string so far.
type stackExchange struct {
	location
	*problems
	sync, async *time.Duration
	unknown     []string // names of options, or "(not shown)"
	after       string   // the last option so far
	doubt       bool     // all that follows may be the rest of a password with a comma in it
}

func (x *stackExchange) server(text string, n int) {
	if x.after != "" {
		x.add("URL has something that is not an option after the option %s: in a connection string, servers come first; "+
			"a password with a comma goes into AccessKey", x.after)
		return
	}
	if path, ok := strings.CutPrefix(text, "!"); ok {
		if path == "" {
			x.add("URL has a ! for server %d without the path of a Unix socket after it: write it as in !/run/redis.sock", n)
		}
		x.socket = &path
		return
	}
	e, ok := parseEndpoint(text)
	if !ok {
		x.add("URL is wrong at server %d of a connection string: it must be host:port or host; "+
			"if it is meant as a URL, it must start with redis:// or the like", n)
		x.doubt = true
	}
	x.endpoints = append(x.endpoints, e)
}

func (x *stackExchange) option(text, value string) {
	name, ok := optionName(text)
	if !ok {
		x.doubt = x.doubt || !likeOption.MatchString(text)
		if x.doubt {
			text = "(not shown)"
		}
		x.unknown = append(x.unknown, text)
		x.doubt = x.doubt || likeSecret.MatchString(text)
		return
	}
	x.after = name
	switch name {
	case "password":
		x.accessKey = nonEmpty(value)
	case "user":
		x.username = nonEmpty(value)
	case "sslHost":
		x.serverName = nonEmpty(value)
	case "sentinelPassword":
		x.sentinelPassword = nonEmpty(value)
	case "sentinelUser":
		x.sentinelUsername = nonEmpty(value)
	case "serviceName":
		x.masterName = nonEmpty(value)
	case "ssl":
		x.ssl = x.boolean(value)
	case "defaultDatabase":
		x.databaseID = x.database(value)
	case "connectTimeout":
		x.connectionTimeout = x.milliseconds(value)
	case "syncTimeout":
		x.sync = x.milliseconds(value)
	case "asyncTimeout":
		x.async = x.milliseconds(value)
	case "proxy", "tunnel":
		if value != "" && !strings.EqualFold(value, "none") {
			x.add("URL has the option %s, which is not supported: leave it out, or make a go-redis client yourself", name)
		}
	}
	x.doubt = x.doubt || name == "password" || name == "sentinelPassword"
}

func (x *stackExchange) bad(value, allowed string) {
	text := shown(value)
	if x.doubt {
		text = "something that is not shown here"
	}
	x.add("URL has the option %s, set to %s: it must be %s", x.after, text, allowed)
}

func (x *stackExchange) boolean(value string) *bool {
	switch strings.ToLower(value) {
	case "true", "yes", "on", "1":
		return new(true)
	case "false", "no", "off", "0":
		return new(false)
	}
	x.bad(value, "true or false")
	return nil
}

// database takes -1 too, which that client writes if no database was set.
func (x *stackExchange) database(value string) *int {
	n, err := strconv.ParseInt(value, 10, 32)
	switch {
	case err != nil || n < -1:
		x.bad(value, "the number of a database")
		return nil
	case n == -1:
		return nil
	}
	return new(int(n))
}

func (x *stackExchange) milliseconds(value string) *time.Duration {
	n, err := strconv.ParseInt(value, 10, 32)
	if err != nil || n < 1 {
		x.bad(value, "a number of milliseconds, 1 or more")
		return nil
	}
	return new(time.Duration(n) * time.Millisecond)
}

// optionName returns the name of an option as it is in the lists.
func optionName(name string) (string, bool) {
	for _, list := range [][]string{understood, ignored, refused} {
		if i := slices.IndexFunc(list, func(known string) bool { return strings.EqualFold(known, name) }); i >= 0 {
			return list[i], true
		}
	}
	return "", false
}

func nonEmpty(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}
