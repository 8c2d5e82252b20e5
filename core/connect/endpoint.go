package connect

import (
	"net"
	"net/netip"
	"strconv"
	"strings"
)

// endpoint is a server. Its port is 0 if nothing names one.
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

// validHost reports whether s may be a host. A whole URL or connection string is not
// taken for a host, because [Config.String] would print the secrets in it.
func validHost(s string) bool {
	if addr, err := netip.ParseAddr(s); err == nil {
		return addr.Zone() == "" || validHost(addr.Zone())
	}
	return s != "" && len(s) <= 253 && !strings.ContainsFunc(s, func(r rune) bool {
		letter := 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9'
		return !letter && r != '-' && r != '.' && r != '_'
	})
}
