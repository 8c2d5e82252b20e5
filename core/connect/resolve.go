package connect

import (
	"cmp"
	"net"
	"strconv"
	"strings"
	"time"
)

const (
	defaultPort         = 6379
	defaultTLSPort      = 6380
	defaultSentinelPort = 26379
)

// location is what a URL or a connection string says. What it leaves open is nil.
type location struct {
	endpoints []endpoint
	socket    *string

	username, accessKey, masterName    *string
	sentinelUsername, sentinelPassword *string
	serverName                         *string
	databaseID                         *int
	ssl, cluster                       *bool
	sharePassword                      bool // without one of their own, Sentinels have the password of the server
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
		if !ok { // it is not known what the URL says, so nobody can tell what contradicts it
			return c, wrong
		}
		endpoints = at.endpoints
	}
	c.checkTogether(len(endpoints), &wrong)

	c.URL, c.Host, c.Addrs = "", "", nil
	for _, e := range endpoints {
		c.Addrs = append(c.Addrs, net.JoinHostPort(e.host, strconv.Itoa(cmp.Or(e.port, c.defaultPort()))))
	}
	c.ConnectionTimeout = cmp.Or(c.ConnectionTimeout, 5*time.Second)
	c.OperationTimeout = cmp.Or(c.OperationTimeout, time.Second)
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
			wrong.add("Host is %s: it must be a name or an IP address; the port goes into Port", shown(c.Host))
		}
		return []endpoint{{host, c.Port}}
	}
	endpoints := make([]endpoint, len(c.Addrs))
	for i, addr := range c.Addrs {
		e, ok := parseEndpoint(strings.TrimSpace(addr))
		if !ok {
			wrong.add("Addrs[%d] is %s: it must be host:port or host", i, shown(addr))
		}
		e.port = cmp.Or(e.port, c.Port)
		endpoints[i] = e
	}
	return endpoints
}

// defaultPort is the port of servers for which nothing names one.
func (c Config) defaultPort() int {
	switch {
	case c.MasterName != "":
		return defaultSentinelPort
	case c.SSL:
		return defaultTLSPort
	}
	return defaultPort
}

// take puts what the URL says into the fields. A field must not contradict the URL.
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
	if at.sharePassword && c.MasterName != "" && c.Username == "" && c.SentinelPassword == "" {
		c.SentinelPassword = c.AccessKey
	}
}

func fill[T comparable](wrong *problems, name string, field, said *T) {
	var zero T
	switch {
	case said == nil:
	case *field != zero && *field != *said:
		wrong.add("%s is set, but URL says something else: leave it out of one of them", name)
	default:
		*field = *said
	}
}
