package store

import (
	"context"
	"crypto/sha1" //nolint:gosec // Redis names scripts by their SHA-1.
	"embed"
	"encoding/hex"
	"strings"

	"github.com/redis/go-redis/v9"
)

//go:embed lua/*.lua
var sources embed.FS

type script struct {
	source, sha string
}

var (
	beginScript   = mustScript("begin")
	loadScript    = mustScript("load")
	createScript  = mustScript("create")
	commitScript  = mustScript("commit")
	mergeScript   = mustScript("merge")
	renewScript   = mustScript("renew")
	releaseScript = mustScript("release")
	retireScript  = mustScript("retire")
	markScript    = mustScript("mark")
	inspectScript = mustScript("inspect")
	enlistScript  = mustScript("enlist")
	dueScript     = mustScript("due")
	deferScript   = mustScript("defer")
	claimScript   = mustScript("claim")
	claimedScript = mustScript("claimed")
	asideScript   = mustScript("aside")
)

func mustScript(name string) script {
	lib, err := sources.ReadFile("lua/lib.lua")
	if err != nil {
		panic(err)
	}
	body, err := sources.ReadFile("lua/" + name + ".lua")
	if err != nil {
		panic(err)
	}
	before, after, found := strings.Cut(string(body), "-- include lib.lua\n")
	if !found {
		panic("store: the script " + name + " does not include lib.lua")
	}
	source := before + string(lib) + after
	sum := sha1.Sum([]byte(source)) //nolint:gosec // see above
	return script{source, hex.EncodeToString(sum[:])}
}

// run runs a script by its hash, and by its source at once where the server
// does not have it: after a restart, a failover or SCRIPT FLUSH.
func (s script) run(ctx context.Context, client redis.Scripter, keys []string, args ...any) (any, error) {
	reply, err := client.EvalSha(ctx, s.sha, keys, args...).Result()
	if err != nil && redis.HasErrorPrefix(err, "NOSCRIPT") {
		reply, err = client.Eval(ctx, s.source, keys, args...).Result()
	}
	return reply, err
}

// runAndLoad runs a script and, in the same round trip after it, loads the hash that is
// its first key.
func (s script) runAndLoad(ctx context.Context, client redis.UniversalClient, keys []string, args ...any) (any, map[string]string, error) {
	pipeline := client.Pipeline()
	ran, all := pipeline.EvalSha(ctx, s.sha, keys, args...), pipeline.HGetAll(ctx, keys[0])
	_, err := pipeline.Exec(ctx) // the first error
	if err != nil && redis.HasErrorPrefix(err, "NOSCRIPT") {
		pipeline = client.Pipeline()
		ran, all = pipeline.Eval(ctx, s.source, keys, args...), pipeline.HGetAll(ctx, keys[0])
		_, err = pipeline.Exec(ctx)
	}
	return ran.Val(), all.Val(), err
}

// call is one run of a script among many.
type call struct {
	keys []string
	args []any
}

// runAll runs a script many times in one round trip to each server involved. Replies
// and errors are in the order of the calls.
func (s script) runAll(ctx context.Context, client redis.UniversalClient, calls []call) []reply {
	replies := make([]reply, len(calls))
	pipeline := client.Pipeline()
	for _, c := range calls {
		pipeline.EvalSha(ctx, s.sha, c.keys, c.args...)
	}
	cmds, _ := pipeline.Exec(ctx) // every command has its own error
	for i, cmd := range cmds {
		replies[i].value, replies[i].err = cmd.(*redis.Cmd).Result()
		if replies[i].err != nil && redis.HasErrorPrefix(replies[i].err, "NOSCRIPT") {
			replies[i].value, replies[i].err = s.run(ctx, client, calls[i].keys, calls[i].args...)
		}
	}
	return replies
}

type reply struct {
	value any
	err   error
}
