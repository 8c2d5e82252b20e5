package redistest

import (
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// Options says how to start a server. The zero value is an empty server that
// keeps nothing on disk.
type Options struct {
	// Path is the redis-server binary. Defaults to the one that [Find] finds.
	Path string
	// Args are command-line arguments, such as "--maxmemory", "1mb". They come last, so they win
	// over the package's own. Do not set --port, --bind, --dir, --daemonize, --logfile,
	// --requirepass and --tls-…: the package relies on its own values. Defaults to none.
	Args []string
	// Dir is the working directory. Persistence files, certificates and the server's log go there.
	// It must exist. Stop keeps it. Defaults to a temporary directory that Stop removes.
	Dir string
	// Port is for a test that must know the port before. If the port is taken, Start fails.
	// Defaults to a free port.
	Port int
	// Password is the password of the default user. Defaults to none.
	Password string
	// ACL are users, each in the form of a line of an ACL file: "user berth on >secret ~shop* -@all
	// +evalsha". A line for the default user changes the default user. With ACL, the package itself
	// logs in as a user redistest, who may do everything. Redis 6.0 has no permissions for channels: there, the
	// package leaves them out. Defaults to none.
	ACL []string
	// TLS makes the server speak TLS. Defaults to [NoTLS].
	TLS TLSMode
	// UnixSocket makes the server listen on a Unix socket too. Defaults to TCP alone.
	UnixSocket bool
}

// config has all that a process needs to start: the caller's options, and what the package adds.
type config struct {
	Options
	pickPort func() (int, error)
	login    login         // as whom the package itself talks to the server
	certs    *Certificates // nil without TLS
	sentinel string        // the configuration of a sentinel, which has to be a file
	args     []string      // more arguments, before those of Options.Args
	socket   string        // path of the Unix socket, empty without one
}

// newConfig checks o, and fills in what all servers with these options share. It does not make
// certificates yet.
func newConfig(o Options) (config, error) {
	if o.Path == "" {
		path, ok := Find()
		if !ok {
			return config{}, errors.New("redistest: no redis-server on PATH: " + howToInstall)
		}
		if _, err := exec.LookPath(path); err != nil {
			return config{}, fmt.Errorf("redistest: the program that REDIS_SERVER names cannot be run: %w", err)
		}
		o.Path = path
	}
	login, err := newLogin(o)
	if err != nil {
		return config{}, err
	}
	return config{Options: o, pickPort: freePort, login: login}, nil
}

func (c config) commandLine(port int) []string {
	var args []string
	if c.sentinel != "" {
		args = append(args, c.sentinelFile(), "--sentinel")
	}
	args = append(args,
		"--bind", loopback,
		"--dir", c.Dir,
		"--daemonize", "no",
		"--save", "",
		"--appendonly", "no",
	)
	if c.certs == nil {
		args = append(args, "--port", strconv.Itoa(port))
	} else {
		args = append(args, "--port", "0", "--tls-port", strconv.Itoa(port))
		args = append(args, c.certs.arguments(c.TLS)...)
	}
	if c.socket != "" {
		args = append(args, "--unixsocket", c.socket)
	}
	if c.Password != "" {
		args = append(args, "--requirepass", c.Password)
	}
	args = append(args, c.userArguments()...)
	args = append(args, c.args...)
	return c.escaped(append(args, c.Args...))
}

// escaped returns args for a Valkey, which puts each between quotes and reads it as a line of a
// configuration file. Redis takes it as it is.
func (c config) escaped(args []string) []string {
	special := func(arg string) bool { return strings.ContainsAny(arg, `"\`) }
	if !slices.ContainsFunc(args, special) || !versionOf(c.Path).valkey {
		return args
	}
	for i, arg := range args {
		if special(arg) {
			args[i] = strings.Trim(quote(arg), `"`)
		}
	}
	return args
}

func (c config) sentinelFile() string { return filepath.Join(c.Dir, "sentinel.conf") }

func (c config) logPath(port int) string {
	return filepath.Join(c.Dir, fmt.Sprintf("redis-%d.log", port))
}
