package connect

import (
	"context"
	"errors"
	"strings"

	"github.com/redis/go-redis/v9"
)

// provider returns the function that go-redis asks before it greets a server, nil without Credentials.
func (c Config) provider() func(context.Context) (user, password string, err error) {
	if c.Credentials == nil {
		return nil
	}
	return func(ctx context.Context) (string, string, error) {
		ctx, cancel := context.WithTimeout(ctx, c.ConnectionTimeout)
		defer cancel()
		user, password, err := c.Credentials(ctx)
		switch {
		case err != nil:
			return "", "", unavailable(err, password)
		case password == "":
			// go-redis would go on, and keep a connection that nobody is let in on.
			return "", "", &noCredentials{text: "it returned no password"}
		}
		return user, password, nil
	}
}

// unavailable is the error for one that Credentials has returned. It does not tell the password. It does
// not wrap what another Redis said either: callers would take that for an answer to their own command.
func unavailable(err error, password string) *noCredentials {
	text := err.Error()
	if password != "" && strings.Contains(text, password) {
		return &noCredentials{text: strings.ReplaceAll(text, password, "…")}
	}
	var said redis.Error
	if errors.As(err, &said) || errors.Is(err, redis.ErrClosed) {
		return &noCredentials{text: text}
	}
	return &noCredentials{text: text, err: err}
}

// noCredentials is a failure of Credentials. The call for which the connection was to be made has not
// been sent.
type noCredentials struct {
	text string
	err  error // nil if it must not be seen
}

func (n *noCredentials) Error() string { return "Credentials: " + n.text }
func (n *noCredentials) Unwrap() error { return n.err }

// Heals says that the function may have an answer soon.
func (*noCredentials) Heals() bool { return true }

// NotSent says that the call had no connection.
func (*noCredentials) NotSent() bool { return true }

// outdated is an [Error] of a greeting with what Credentials has returned. It may return something else
// soon.
type outdated struct{ err *Error }

func (o outdated) Error() string { return o.err.Error() }
func (o outdated) Unwrap() error { return o.err }

// Heals says that the next greeting may do better.
func (outdated) Heals() bool { return true }

// asker is the hook around the greeter. The password may change after Credentials has returned it and
// before the server sees it. So if the server refuses the greeting, asker makes one more connection,
// for which go-redis asks Credentials again. The call itself has not been sent by then.
type asker struct{}

// DialHook changes nothing.
func (asker) DialHook(next redis.DialHook) redis.DialHook { return next }

// ProcessHook asks again for a command.
func (asker) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		err := next(ctx, cmd)
		if isOutdated(err) && !greets(cmd.Name()) {
			err = next(ctx, cmd)
		}
		return err
	}
}

// ProcessPipelineHook asks again for a pipeline.
func (asker) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error {
		err := next(ctx, cmds)
		if isOutdated(err) {
			err = next(ctx, cmds)
		}
		return err
	}
}

func isOutdated(err error) bool {
	var o outdated
	return errors.As(err, &o)
}
