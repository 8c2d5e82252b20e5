package connect

import (
	"context"
	"errors"
	"slices"

	"github.com/redis/go-redis/v9"
)

// newClusterClient returns a client that follows redirections, and retries no command that
// is sent by itself. go-redis has one number for both, MaxRedirects: it sends a command
// that failed at its node up to three more times. So the client of each node hides a
// failure in an error that go-redis does not know, and the client of the cluster takes
// the failure out again.
func newClusterClient(o *redis.ClusterOptions, config Config) *redis.ClusterClient {
	c := redis.NewClusterClient(o)
	c.OnNewNode(func(node *redis.Client) {
		node.AddHook(hider{}) // around the others
		config.hook(node, node.Options().Addr)
	})
	c.AddHook(revealer{cluster: c})
	return c
}

// hidden is a failure that go-redis must not see. So it has no Unwrap.
type hidden struct{ err error }

func (h *hidden) Error() string { return "connect: a call to a node of the cluster failed" }

// watched is the key of a context. Its value is the command that a revealer waits for, and
// only failures of that command are hidden. Commands by which a client greets a server, and
// those that go to a node directly, such as a subscription, are left alone.
type watched struct{}

// hider is the hook of a node.
type hider struct{}

func (hider) DialHook(next redis.DialHook) redis.DialHook { return next }

func (hider) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		err := next(ctx, cmd)
		if ctx.Value(watched{}) == cmd {
			return hide(err)
		}
		return err
	}
}

// ProcessPipelineHook is for a command that follows an ASKING.
func (hider) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error {
		err := next(ctx, cmds)
		if cmd, ok := ctx.Value(watched{}).(redis.Cmder); ok && slices.Contains(cmds, cmd) {
			return hide(err)
		}
		return err
	}
}

// hide hides failures. It passes on answers that are no failures, and redirections.
func hide(err error) error {
	if err == nil || errors.Is(err, redis.Nil) || errors.Is(err, redis.ErrClosed) {
		return err
	}
	if _, moved := redis.IsMovedError(err); moved {
		return err
	}
	if _, ask := redis.IsAskError(err); ask {
		return err
	}
	return &hidden{err}
}

// revealer is the hook of the cluster.
type revealer struct{ cluster *redis.ClusterClient }

func (revealer) DialHook(next redis.DialHook) redis.DialHook { return next }

func (r revealer) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		err := next(context.WithValue(ctx, watched{}, cmd), cmd)
		var h *hidden
		if !errors.As(err, &h) {
			return err
		}
		if mayHaveMoved(h.err) {
			r.cluster.ReloadState(ctx)
		}
		return h.err
	}
}

// mayHaveMoved reports whether err is a sign that another node serves the slots by now, so
// that the state of the cluster must be loaded again. go-redis does that for READONLY. After
// the other errors here it asks another node, and follows the redirection.
func mayHaveMoved(err error) bool {
	var answer redis.Error
	if !errors.As(err, &answer) { // the node did not answer, unless the caller gave up
		return !errors.Is(err, context.Canceled)
	}
	return redis.IsReadOnlyError(err) || redis.IsClusterDownError(err) || redis.IsMasterDownError(err) || redis.IsLoadingError(err)
}

// ProcessPipelineHook changes nothing: go-redis retries pipelines.
func (revealer) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return next
}
