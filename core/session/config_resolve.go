package session

import (
	"cmp"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"time"
)

const (
	defaultPort         = 6379
	defaultTLSPort      = 6380
	defaultSentinelPort = 26379
)

// problems are all that is wrong with a Config.
type problems []error

func (p *problems) add(format string, args ...any) { *p = append(*p, fmt.Errorf(format, args...)) }

func (p problems) err() error {
	if len(p) == 0 {
		return nil
	}
	return fmt.Errorf("session: invalid config:\n%w", errors.Join(p...))
}

// location is what a URL or a connection string says. What it leaves open is nil.
type location struct {
	endpoints []endpoint
	socket    *string

	username, accessKey, masterName    *string
	sentinelUsername, sentinelPassword *string
	serverName                         *string
	databaseID                         *int
	ssl, cluster                       *bool
	several                            bool // servers, of which it is unknown what they are
	connectionTimeout                  *time.Duration
	operationTimeout                   *time.Duration
}

// resolve returns the Config without its URL, with defaults, and with all servers in
// Addrs as host:port.
func (c Config) resolve() (Config, problems) {
	var wrong problems
	var endpoints []endpoint
	c.checkRanges(&wrong)
	if text := strings.TrimSpace(c.URL); text == "" {
		endpoints = c.endpoints(&wrong)
	} else {
		at, ok := parseLocation(text, &wrong)
		c.take(at, &wrong)
		if !ok { // what does not go together is unknown as well
			return c, wrong
		}
		endpoints = at.endpoints
	}
	c.checkTogether(len(endpoints), &wrong)

	c.URL, c.Host, c.Addrs = "", "", nil
	for _, e := range endpoints {
		c.Addrs = append(c.Addrs, net.JoinHostPort(e.host, strconv.Itoa(cmp.Or(e.port, c.defaultPort()))))
	}
	def(&c.ConnectionTimeout, 5*time.Second)
	def(&c.OperationTimeout, time.Second)
	return c, wrong
}

// endpoints are the servers that fields name.
func (c Config) endpoints(wrong *problems) []endpoint {
	excluded(wrong, "Host", setting{"Addrs", c.Host != "" && len(c.Addrs) > 0})
	if c.Socket != "" {
		excluded(wrong, "Socket", setting{"Host", c.Host != ""}, setting{"Port", c.Port != 0}, setting{"Addrs", len(c.Addrs) > 0})
		return nil
	}
	if len(c.Addrs) == 0 {
		host := strings.TrimSuffix(strings.TrimPrefix(cmp.Or(c.Host, "127.0.0.1"), "["), "]")
		if !validHost(host) {
			wrong.add("Host is %s: it must be a name or an IP address, and the port belongs into Port", shown(c.Host))
		}
		return []endpoint{{host, c.Port}}
	}
	endpoints := make([]endpoint, len(c.Addrs))
	for i, addr := range c.Addrs {
		var ok bool
		if endpoints[i], ok = parseEndpoint(strings.TrimSpace(addr)); !ok {
			wrong.add("Addrs[%d] is %s: it must be host:port or host", i, shown(addr))
		}
		def(&endpoints[i].port, c.Port)
	}
	return endpoints
}

// defaultPort is for servers that nothing names a port of.
func (c Config) defaultPort() int {
	switch {
	case c.MasterName != "":
		return defaultSentinelPort
	case c.SSL:
		return defaultTLSPort
	}
	return defaultPort
}

// take puts what the URL says into the fields, which must not say it too.
func (c *Config) take(at location, wrong *problems) {
	excluded(wrong, "URL", setting{"Host", c.Host != ""}, setting{"Port", c.Port != 0},
		setting{"Addrs", len(c.Addrs) > 0}, setting{"Socket", c.Socket != ""})
	c.Port, c.Socket = 0, ""
	fill(wrong, "Socket", &c.Socket, at.socket)
	fill(wrong, "Username", &c.Username, at.username)
	fill(wrong, "AccessKey", &c.AccessKey, at.accessKey)
	fill(wrong, "MasterName", &c.MasterName, at.masterName)
	fill(wrong, "SentinelUsername", &c.SentinelUsername, at.sentinelUsername)
	fill(wrong, "SentinelPassword", &c.SentinelPassword, at.sentinelPassword)
	fill(wrong, "ServerName", &c.ServerName, at.serverName)
	fill(wrong, "DatabaseID", &c.DatabaseID, at.databaseID)
	fill(wrong, "SSL", &c.SSL, at.ssl)
	fill(wrong, "Cluster", &c.Cluster, at.cluster)
	fill(wrong, "ConnectionTimeout", &c.ConnectionTimeout, at.connectionTimeout)
	fill(wrong, "OperationTimeout", &c.OperationTimeout, at.operationTimeout)
	if at.several && c.MasterName == "" {
		c.Cluster = true
	}
}

// setting is a field, and whether it is set.
type setting struct {
	name string
	set  bool
}

// excluded adds a problem for each field that is set although name is.
func excluded(wrong *problems, name string, fields ...setting) {
	for _, f := range fields {
		if f.set {
			wrong.add("%s and %s are both set: one of them says where Redis is", name, f.name)
		}
	}
}

func fill[T comparable](wrong *problems, name string, field, said *T) {
	var zero T
	switch {
	case said == nil:
	case *field != zero && *field != *said:
		wrong.add("%s is set to something else than URL says: leave it out of one of them", name)
	default:
		*field = *said
	}
}

// checkRanges checks what is wrong wherever Redis is.
func (c Config) checkRanges(wrong *problems) {
	if c.Port < 0 || c.Port > 65535 {
		wrong.add("Port is %d: it must be from 1 to 65535, or 0 for its default", c.Port)
	}
	if c.DatabaseID < 0 {
		wrong.add("DatabaseID is %d: it must be 0 or more", c.DatabaseID)
	}
	for _, timeout := range []struct {
		name  string
		value time.Duration
	}{{"ConnectionTimeout", c.ConnectionTimeout}, {"OperationTimeout", c.OperationTimeout}} {
		if timeout.value < 0 || timeout.value > 0 && timeout.value < time.Millisecond {
			wrong.add("%s is %v: it must be at least 1ms, or 0 for its default", timeout.name, timeout.value)
		}
	}
}

// checkTogether checks what does not go together, once the URL was taken.
func (c Config) checkTogether(servers int, wrong *problems) {
	if c.Username != "" && c.AccessKey == "" {
		wrong.add("Username is set without AccessKey, and then Redis is not told the user: for one without a password, any AccessKey will do")
	}
	if c.SentinelUsername != "" && c.SentinelPassword == "" {
		wrong.add("SentinelUsername is set without SentinelPassword, and then a Sentinel is not told the user")
	}
	if c.MasterName == "" && c.SentinelPassword != "" {
		wrong.add("SentinelPassword is set without MasterName: there are no Sentinels to show it to")
	}
	if c.MasterName != "" && c.Cluster {
		wrong.add("MasterName and Cluster are both set: a cluster has no Sentinels")
	}
	if c.Cluster && c.DatabaseID > 0 {
		wrong.add("DatabaseID is %d: a cluster has only database 0", c.DatabaseID)
	}
	if servers > 1 && c.MasterName == "" && !c.Cluster {
		wrong.add("Addrs names %d servers: set MasterName if they are Sentinels, or Cluster", servers)
	}
	if c.Socket != "" && (c.MasterName != "" || c.Cluster || c.SSL) {
		wrong.add("Socket goes with none of MasterName, Cluster and SSL: a Unix socket leads to one server, without TLS")
	}
	for _, f := range []setting{
		{"CACert", c.CACert != ""}, {"ClientCert", c.ClientCert != ""}, {"ClientKey", c.ClientKey != ""}, {"ServerName", c.ServerName != ""},
	} {
		if f.set && !c.SSL {
			wrong.add("%s is set, but SSL is not: it is for connections with TLS", f.name)
		}
	}
}

// location is the form of URL that leads here, without what is secret.
func (c Config) location() string {
	if c.Socket != "" {
		return fmt.Sprintf("unix://%s?db=%d", c.Socket, c.DatabaseID)
	}
	scheme := "redis"
	if c.SSL {
		scheme = "rediss"
	}
	hosts := strings.Join(c.Addrs, ",")
	switch {
	case c.MasterName != "":
		return fmt.Sprintf("%s+sentinel://%s/%s/%d", scheme, hosts, url.PathEscape(c.MasterName), c.DatabaseID)
	case c.Cluster:
		return fmt.Sprintf("%s+cluster://%s", scheme, hosts)
	}
	return fmt.Sprintf("%s://%s/%d", scheme, hosts, c.DatabaseID)
}

// endpoint is a server; its port may be 0, for a default.
type endpoint struct {
	host string
	port int
}

// parseEndpoint takes host:port, host, or an IPv6 address with or without brackets.
func parseEndpoint(s string) (endpoint, bool) {
	host, digits, err := net.SplitHostPort(s)
	if err != nil { // there is no port
		host = s
		if strings.HasPrefix(s, "[") && strings.HasSuffix(s, "]") {
			host = s[1 : len(s)-1]
		}
		return endpoint{host: host}, validHost(host)
	}
	port, ok := parsePort(digits)
	return endpoint{host, port}, ok && validHost(host)
}

func parsePort(s string) (int, bool) {
	port, err := strconv.ParseUint(s, 10, 16)
	return int(port), err == nil && port > 0
}

// validHost tells whether s may be a host: it keeps whole URLs and connection
// strings from being taken for one, and with them their secrets.
func validHost(s string) bool {
	if addr, err := netip.ParseAddr(s); err == nil {
		return addr.Zone() == "" || validHost(addr.Zone())
	}
	return s != "" && len(s) <= 253 && !strings.ContainsFunc(s, func(r rune) bool {
		letter := 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9'
		return !letter && r != '-' && r != '.' && r != '_'
	})
}

// shown quotes a value for an error, but none that may hold a password.
func shown(value string) string {
	if strings.ContainsAny(value, "@=") || strings.Contains(value, "://") {
		return "a URL or a connection string, not shown here since it may hold a password"
	}
	return strconv.Quote(value)
}
