package connect

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/redis/go-redis/v9"
)

// greeter is the hook of a client of one server, of the master that Sentinels name, or of one node.
// It turns failures of the greeting, and answers that say that the greeting was not enough, into an
// [Error].
type greeter struct {
	config Config // resolved
	addr   *atomic.Value
}

// newGreeter returns a greeter for the server at addr. Of a master, nobody knows yet where it is.
func newGreeter(c Config, addr string) greeter {
	g := greeter{config: c, addr: new(atomic.Value)}
	g.addr.Store(addr)
	return g
}

func (g greeter) failed(err error, advice string, args ...any) *Error {
	return &Error{Addr: g.addr.Load().(string), Advice: fmt.Sprintf(advice, args...), Err: err}
}

// DialHook notes where the master is, and explains failures of Sentinels, which have no hooks of
// their own.
func (g greeter) DialHook(next redis.DialHook) redis.DialHook {
	if g.config.MasterName == "" {
		return next
	}
	return func(ctx context.Context, network, addr string) (net.Conn, error) {
		conn, err := next(ctx, network, addr)
		if err != nil {
			return nil, g.ofSentinels(err)
		}
		g.addr.Store(conn.RemoteAddr().String())
		return conn, nil
	}
}

// ProcessHook also sees the commands by which go-redis greets a server.
func (g greeter) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		return g.explained(ctx, cmd, next(ctx, cmd))
	}
}

// ProcessPipelineHook does the same for each command.
func (g greeter) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error {
		err := next(ctx, cmds)
		if err == nil {
			return nil
		}
		for _, cmd := range cmds {
			cmd.SetErr(g.explained(ctx, cmd, cmd.Err()))
		}
		return g.explained(ctx, cmds[0], err)
	}
}

func (g greeter) explained(ctx context.Context, cmd redis.Cmder, err error) error {
	var away *turnedAway
	var known *Error
	var said redis.Error
	name := cmd.Name()
	var none *noCredentials
	switch {
	case errors.As(err, &away):
		return away.err
	case err == nil, ended(ctx), errors.As(err, &known):
		return err
	case errors.As(err, &none):
		return g.failed(none, "look at what the function does that is set as Credentials")
	case errors.As(err, &said):
		return g.answered(name, err, said.Error())
	case greets(name):
		return inGreeting{g.failed(err, "%s", g.onSilence(err))}
	}
	return err
}

// greets tells whether go-redis greets a server by a command of this name.
func greets(name string) bool { return name == "hello" || name == "auth" }

// ended tells whether the caller gave up. A connection may see the end of a deadline before its
// context does.
func ended(ctx context.Context) bool {
	deadline, ok := ctx.Deadline()
	return ctx.Err() != nil || ok && !time.Now().Before(deadline)
}

// answered explains what a server answered to a command.
func (g greeter) answered(name string, err error, said string) error {
	switch {
	case strings.HasPrefix(said, "DENIED "):
		said, _, _ = strings.Cut(said, ".") // that text is long
		return &turnedAway{g.failed(answer(said), "set a password at the server, and AccessKey, or connect from the server's own machine")}
	case redis.IsAuthError(err) && !strings.Contains(said, "with args beginning with"):
		return g.refused(name, err)
	case name == "auth":
		return g.refused(name, unquoted(said))
	case name == "hello":
		return unquotedOnly(err, said)
	case strings.Contains(said, "DB index is out of range"):
		return g.failed(err, "the server has no database %d: look at DatabaseID", g.config.DatabaseID)
	case strings.Contains(said, "SELECT is not allowed in cluster mode"):
		return g.failed(err, "the server is a node of a cluster: set Cluster, and leave DatabaseID out")
	case strings.Contains(said, "cluster support disabled"):
		return g.failed(err, "the server is not part of a cluster: leave Cluster out, or write redis:// in place of redis+cluster:// in the URL")
	}
	return err
}

// unquotedOnly returns err, or an answer in its place if err repeats the command.
func unquotedOnly(err error, said string) error {
	if short := unquoted(said); string(short) != said {
		return short
	}
	return err
}

func (g greeter) refused(name string, err error) error {
	failed := g.failed(err, "%s", g.onRefusal())
	if g.config.Credentials != nil && greets(name) {
		return outdated{failed}
	}
	return failed
}

func (g greeter) onRefusal() string {
	if g.config.Credentials != nil {
		return "the server does not take this user and password: look at what the function returns that is set as Credentials"
	}
	if g.config.AccessKey == "" {
		return "the server wants a password: set AccessKey, and Username if it has users"
	}
	return "the server does not take this user and password: look at AccessKey and Username"
}

// onSilence is the advice for a server that did not answer, or with something that is no answer.
func (g greeter) onSilence(err error) string {
	switch {
	case refusedCertificate(err):
		return adviceOnTLS(err)
	case g.config.SSL:
		return "the server does not greet: if it wants a certificate of this program, set ClientCert and ClientKey"
	}
	return "the server does not greet: if it speaks TLS at that port, set SSL, or write rediss in place of redis in the URL"
}

func hungUp(err error) bool {
	return errors.Is(err, io.EOF) || errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE)
}

// ofSentinels explains why no Sentinel told where the master is. An error that says where it failed is
// left alone.
func (g greeter) ofSentinels(err error) error {
	e := &Error{Addr: strings.Join(g.config.Addrs, ", "), Err: err}
	if errors.Is(err, redis.Nil) { // callers take that for a value that is not there
		e.Err, e.Advice = answer("no such master"), fmt.Sprintf("the Sentinels know no master %q: look at MasterName", g.config.MasterName)
		return e
	}
	var known *Error
	var dial *net.OpError
	if errors.As(err, &known) || errors.Is(err, context.Canceled) || errors.As(err, &dial) && dial.Op == "dial" {
		return err
	}
	var said redis.Error
	if errors.As(err, &said) {
		text := said.Error()
		e.Err = unquoted(text)
		switch {
		case redis.IsAuthError(err), strings.Contains(text, "AUTH"), strings.Contains(text, "invalid password"):
			e.Advice = "the Sentinels do not take this user and password: look at SentinelPassword and SentinelUsername"
		case strings.Contains(strings.ToLower(text), "unknown command"):
			e.Advice = "the servers are no Sentinels: leave MasterName out, or name the Sentinels in Addrs"
		default:
			return err
		}
		return e
	}
	var network net.Error
	switch {
	case refusedCertificate(err):
		e.Advice = adviceOnTLS(err)
	case !hungUp(err) && !(errors.As(err, &network) && network.Timeout()):
		return err
	case g.config.SSL:
		e.Advice = "the Sentinels do not greet: look at SSL, and if they want a certificate of this program, set ClientCert and ClientKey"
	default:
		e.Advice = "the Sentinels do not greet: if they speak TLS at that port, set SSL, or write rediss in place of redis in the URL"
	}
	return e
}

// inGreeting is an [Error] of the greeting. go-redis takes off the outermost error there.
type inGreeting struct{ err *Error }

func (g inGreeting) Error() string { return g.err.Error() }
func (g inGreeting) Unwrap() error { return g.err }

// turnedAway hides an answer to the greeting from go-redis, which otherwise goes on, and then reports
// that the server has hung up. So it has no Unwrap.
type turnedAway struct{ err *Error }

func (t *turnedAway) Error() string { return t.err.Error() }
