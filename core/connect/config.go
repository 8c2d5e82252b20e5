package connect

import (
	"context"
	"time"
)

// Config says where Redis is and how to reach it. The zero value is a Redis on this machine.
//
// A Config does not print its secrets, with one exception. When a struct is printed that has
// a Config in an unexported field, package fmt calls no methods of that field and shows all
// of it. Export such a field, or do not print the struct.
//
// The tags are for loaders that fill a Config from environment variables, JSON or YAML.
// docs/configuration.md lists them, and examples/config is a program that uses them.
type Config struct {
	// URL says in one line where Redis is. It has one of these forms:
	//
	//	redis://[user:password@]host[:port][/database]
	//	rediss://…                                                with TLS
	//	unix://[user:password@]/path/of/socket[?db=database]
	//	redis+sentinel://[user:password@]host[:port],…/master[/database]
	//	rediss+sentinel://…                                       with TLS
	//	redis+cluster://[user:password@]host[:port],…
	//	rediss+cluster://…                                        with TLS
	//	host:6380,password=…,ssl=True,defaultDatabase=2           of StackExchange.Redis
	//
	// The port of a URL defaults to 6379, with TLS too, as in other programs that take
	// such URLs. The port of a Sentinel defaults to 26379. In a user or a password,
	// percent-encode these characters: / ? # @ : % & and the blank. The same goes for
	// the user and the password of Sentinels. A + means a +, never a blank.
	//
	// A URL takes the parameters db, connection_timeout and operation_timeout. For
	// Sentinels it also takes sentinel_username and sentinel_password.
	//
	// Host, Port, Addrs and Socket must be empty if there is a URL. Each other field may
	// add what the URL leaves open, as AccessKey often does, but must not contradict it.
	// Defaults to none: then the other fields say where Redis is.
	URL string `json:"url" yaml:"url" env:"REDIS_URL"`

	// Host is the name or the address of the server. With a MasterName it is that of a
	// Sentinel, and with Cluster that of any node. Defaults to 127.0.0.1.
	Host string `json:"host" yaml:"host" env:"REDIS_HOST"`

	// Port is the TCP port of Host, and of each of Addrs that names no port. Defaults to
	// 6379, or to 6380 with SSL, or to 26379 with a MasterName.
	Port int `json:"port" yaml:"port" env:"REDIS_PORT"`

	// Addrs are several servers, each as host:port or host, in place of Host. They are
	// Sentinels if there is a MasterName, and nodes if Cluster is set. One of them
	// must be up when the client connects, not all. Defaults to Host alone.
	Addrs []string `json:"addrs" yaml:"addrs" env:"REDIS_ADDRS"`

	// Socket is the path of a Unix socket, in place of Host. Defaults to none.
	Socket string `json:"socket" yaml:"socket" env:"REDIS_SOCKET"`

	// MasterName is the name by which Sentinels know the server. If it is set, Host or
	// Addrs are Sentinels, and the client asks them where the server is. Defaults to
	// none: there are no Sentinels.
	MasterName string `json:"masterName" yaml:"masterName" env:"REDIS_MASTER_NAME"`

	// SentinelUsername and SentinelPassword are for the Sentinels themselves, not for
	// the server. Default to none.
	SentinelUsername string `json:"sentinelUsername" yaml:"sentinelUsername" env:"REDIS_SENTINEL_USERNAME"`
	SentinelPassword string `json:"sentinelPassword" yaml:"sentinelPassword" env:"REDIS_SENTINEL_PASSWORD"`

	// Cluster says that the servers are a Redis Cluster. Defaults to false.
	Cluster bool `json:"cluster" yaml:"cluster" env:"REDIS_CLUSTER"`

	// Username is a user of the server's access control list. Defaults to the user that
	// Redis calls default.
	Username string `json:"username" yaml:"username" env:"REDIS_USERNAME"`

	// AccessKey is the password. Defaults to none.
	AccessKey string `json:"accessKey" yaml:"accessKey" env:"REDIS_ACCESS_KEY"`

	// Credentials returns the user and the password, in place of Username and AccessKey, for
	// passwords that change and for tokens such as those of Entra ID. A user of "" is the one
	// that Redis calls default. A password of "" is an error.
	//
	// The client calls the function for each new connection, from several goroutines at once, and
	// makes a connection in the midst of a request. So the function should keep what it has
	// fetched, and fetch a new one in good time. Its ctx is that of the call to Redis that needs
	// the connection, and ends after ConnectionTimeout. A connection that is open stays open.
	//
	// If the server refuses what the function has returned, the client makes one more connection,
	// and asks again for that. The function must not call Redis with this client.
	//
	// If the function returns an error, the call to Redis fails. Errors and logs show its text, but
	// not the password beside it. Package session takes such a failure, and a refusal, for one that
	// may heal, and tries again until RetryTimeout.
	//
	// Sentinels get SentinelUsername and SentinelPassword all the same. No loader fills
	// Credentials. Defaults to none: Username and AccessKey do not change.
	Credentials func(ctx context.Context) (user, password string, err error) `json:"-" yaml:"-" env:"-"`

	// DatabaseID is the number of the database. A Cluster has only 0. Defaults to 0.
	DatabaseID int `json:"databaseId" yaml:"databaseId" env:"REDIS_DATABASE_ID"`

	// SSL encrypts all connections with TLS 1.2 or later, also those to Sentinels. The
	// certificate of the server is always verified. Defaults to false.
	SSL bool `json:"ssl" yaml:"ssl" env:"REDIS_SSL"`

	// CACert holds the certificates of the authorities that may have signed the
	// server's certificate: PEM text, or the name of a file with it, which [NewClient]
	// reads. Defaults to the authorities that the system trusts.
	CACert string `json:"caCert" yaml:"caCert" env:"REDIS_CA_CERT"`

	// ClientCert and ClientKey are the certificate that this program shows to the
	// server, and its private key: PEM text, or names of files with it, which
	// [NewClient] reads. Default to none.
	ClientCert string `json:"clientCert" yaml:"clientCert" env:"REDIS_CLIENT_CERT"`
	ClientKey  string `json:"clientKey" yaml:"clientKey" env:"REDIS_CLIENT_KEY"`

	// ServerName is the name that the server's certificate must have. Defaults to the
	// host that the client connects to. If that is an IP address which nobody has
	// configured, and which nodes of a cluster or Sentinels have told, the certificate may
	// also be for a host of URL, Host or Addrs.
	ServerName string `json:"serverName" yaml:"serverName" env:"REDIS_SERVER_NAME"`

	// ConnectionTimeout is how long it may take to connect, TLS included. Defaults to
	// 5 seconds.
	ConnectionTimeout time.Duration `json:"connectionTimeout" yaml:"connectionTimeout" env:"REDIS_CONNECTION_TIMEOUT"`

	// OperationTimeout is how long one call to Redis may take on a connection. A call
	// may also wait that long for a free connection. Defaults to 1 second.
	OperationTimeout time.Duration `json:"operationTimeout" yaml:"operationTimeout" env:"REDIS_OPERATION_TIMEOUT"`
}
