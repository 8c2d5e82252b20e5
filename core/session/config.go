package session

import (
	"fmt"
	"io"
	"time"
)

// Config says how [Open] reaches Redis, and nothing else. The zero value is a Redis
// on this machine. A Config does not print what is secret in it, except from an
// unexported field of a struct that is printed as a whole: there, package fmt calls no
// methods and shows all. Export such a field, or do not print the struct.
//
// Its tags are for loaders that fill it from environment variables, JSON or YAML;
// docs/configuration.md has them all, and examples/config a program.
type Config struct {
	// URL says in one line where Redis is, in one of these forms:
	//
	//	redis://[user:password@]host[:port][/database]
	//	rediss://…                                                with TLS
	//	unix://[user:password@]/path/of/socket[?db=database]
	//	redis+sentinel://[user:password@]host[:port],…/master[/database]
	//	redis+cluster://[user:password@]host[:port],…
	//	host:6380,password=…,ssl=True,defaultDatabase=2           of StackExchange.Redis
	//
	// With TLS the last but one are rediss+sentinel:// and rediss+cluster://. The port
	// defaults to 6379, also with TLS, as it does for other programs that take such
	// URLs; that of a Sentinel to 26379. In a user or password, also of a Sentinel,
	// these signs must be percent-encoded: / ? # @ : % & and blanks. A + is a +, and
	// no blank.
	//
	// Parameters are db, connection_timeout and operation_timeout, and of Sentinels
	// sentinel_username and sentinel_password. Fields of Config may add what the URL
	// leaves open, such as AccessKey, but not say again what it says. Defaults to
	// none: the other fields say it all.
	URL string `json:"url" yaml:"url" env:"REDIS_URL"`

	// Host is the name or the address of the server: of a Sentinel if there is a
	// MasterName, of any node in a Cluster. Defaults to 127.0.0.1.
	Host string `json:"host" yaml:"host" env:"REDIS_HOST"`

	// Port is the TCP port of Host, and of all Addrs that have none. Defaults to 6379,
	// or to 6380 with SSL, or to 26379 with a MasterName.
	Port int `json:"port" yaml:"port" env:"REDIS_PORT"`

	// Addrs are several servers, host:port or host, in place of Host: Sentinels if there
	// is a MasterName, nodes if it is a Cluster. Not all need to be there when the
	// program starts, one will do. Defaults to Host alone.
	Addrs []string `json:"addrs" yaml:"addrs" env:"REDIS_ADDRS"`

	// Socket is the path of a Unix socket, in place of Host. Defaults to none.
	Socket string `json:"socket" yaml:"socket" env:"REDIS_SOCKET"`

	// MasterName has Sentinels tell where the server is: what they call it.
	// Defaults to none, and no Sentinels.
	MasterName string `json:"masterName" yaml:"masterName" env:"REDIS_MASTER_NAME"`

	// SentinelUsername and SentinelPassword are for the Sentinels themselves. Default
	// to none.
	SentinelUsername string `json:"sentinelUsername" yaml:"sentinelUsername" env:"REDIS_SENTINEL_USERNAME"`
	SentinelPassword string `json:"sentinelPassword" yaml:"sentinelPassword" env:"REDIS_SENTINEL_PASSWORD"`

	// Cluster says that the servers are a Redis Cluster. Defaults to false.
	Cluster bool `json:"cluster" yaml:"cluster" env:"REDIS_CLUSTER"`

	// Username is a user of the server's access control list. Defaults to the user that
	// Redis calls default.
	Username string `json:"username" yaml:"username" env:"REDIS_USERNAME"`

	// AccessKey is the password. Defaults to none.
	AccessKey string `json:"accessKey" yaml:"accessKey" env:"REDIS_ACCESS_KEY"`

	// DatabaseID is the number of the database. A Cluster has only 0. Defaults to 0.
	DatabaseID int `json:"databaseId" yaml:"databaseId" env:"REDIS_DATABASE_ID"`

	// SSL encrypts connections with TLS, of version 1.2 or later, also those to
	// Sentinels. The certificate of the server is always verified. Defaults to false.
	SSL bool `json:"ssl" yaml:"ssl" env:"REDIS_SSL"`

	// CACert has the certificates of the authorities that the server's certificate may
	// come from: PEM text, or the name of a file with it, which Open reads. Defaults to
	// those that the system trusts.
	CACert string `json:"caCert" yaml:"caCert" env:"REDIS_CA_CERT"`

	// ClientCert and ClientKey are the certificate by which the server knows this
	// program, and its private key: PEM text, or names of files with it, which Open
	// reads. Default to none.
	ClientCert string `json:"clientCert" yaml:"clientCert" env:"REDIS_CLIENT_CERT"`
	ClientKey  string `json:"clientKey" yaml:"clientKey" env:"REDIS_CLIENT_KEY"`

	// ServerName is the name that the server's certificate must have. Defaults to
	// the host that is connected to.
	ServerName string `json:"serverName" yaml:"serverName" env:"REDIS_SERVER_NAME"`

	// ConnectionTimeout is how long it may take to connect, TLS included. Defaults to
	// 5 seconds.
	ConnectionTimeout time.Duration `json:"connectionTimeout" yaml:"connectionTimeout" env:"REDIS_CONNECTION_TIMEOUT"`

	// OperationTimeout is how long one call to Redis may take on a connection, and
	// before that wait for one that is free. Defaults to 1 second.
	OperationTimeout time.Duration `json:"operationTimeout" yaml:"operationTimeout" env:"REDIS_OPERATION_TIMEOUT"`
}

// String is where Redis is, in the form of a URL without users and passwords.
func (c Config) String() string {
	r, problems := c.resolve()
	if len(problems) > 0 {
		return "(invalid)"
	}
	return r.location()
}

// Format prints what String returns, whatever the verb.
func (c Config) Format(f fmt.State, _ rune) {
	_, _ = io.WriteString(f, "session.Config{"+c.String()+"}")
}

// MarshalText is for loggers that encode what they log, and tells no more than String.
func (c Config) MarshalText() ([]byte, error) { return []byte(c.String()), nil }
