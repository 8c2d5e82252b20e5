package session

import (
	"context"
	"errors"
	"slices"

	"github.com/redis/go-redis/v9"

	"github.com/berthgo/berth/core/internal/retry"
)

// newClusterClient returns a client that follows redirections, but tries nothing
// again. In go-redis one number, MaxRedirects, is for both: a command that failed at
// its node is sent up to three more times. So the nodes' clients hide a failure in an
// error that go-redis does not know, and the cluster's client takes it out again.
func newClusterClient(o *redis.ClusterOptions) *redis.ClusterClient {
	c := redis.NewClusterClient(o)
	c.OnNewNode(func(node *redis.Client) { node.AddHook(hider{}) })
	c.AddHook(revealer{cluster: c})
	return c
}

// hidden is a failure that go-redis must not look into, hence no Unwrap.
type hidden struct{ err error }

func (h *hidden) Error() string { return "session: a call to a node of the cluster failed" }

// watched is the key of a context whose value is the command that a revealer waits for.
// Nothing else is hidden: neither what a client says to connect, nor what calls a node by
// itself, such as a subscription.
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

// hide lets through what is not a failure, and what tells where the right node is.
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
		if retry.Heals(h.err) { // perhaps another node has its slots by now
			r.cluster.ReloadState(ctx)
		}
		return h.err
	}
}

// ProcessPipelineHook changes nothing: pipelines are tried again by go-redis. Only
// work beside requests uses them.
func (revealer) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return next
}
