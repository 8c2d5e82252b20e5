package connect

import (
	"fmt"
	"io"
	"net/url"
	"strconv"
	"strings"
)

// String is where Redis is, in the form of a URL without users and passwords. It is
// "(invalid)" if a field is wrong. It does not look into certificates.
func (c Config) String() string {
	r, wrong := c.resolve()
	if len(wrong) > 0 {
		return "(invalid)"
	}
	return r.withoutSecrets()
}

// Format prints what String returns, whatever the verb.
func (c Config) Format(f fmt.State, _ rune) {
	_, _ = io.WriteString(f, "connect.Config{"+c.String()+"}")
}

// MarshalText returns what String returns. It is for loggers that encode what they log.
func (c Config) MarshalText() ([]byte, error) { return []byte(c.String()), nil }

// withoutSecrets is a URL for a resolved Config, without users and passwords.
func (c Config) withoutSecrets() string {
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

// shown quotes a value for an error, unless the value may hold a password.
func shown(value string) string {
	if strings.ContainsAny(value, "@=") || strings.Contains(value, "://") {
		return "a URL or a connection string, not shown here because it may hold a password"
	}
	return strconv.Quote(value)
}
