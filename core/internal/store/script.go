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

// A script has its source and its SHA-1. Both are of type any, because they become arguments.
type script struct {
	source, sha any
	frees       any // the source for a server whose memory is full, nil if the script needs memory
}

var (
	beginScript  = mustFree("begin")
	loadScript   = mustScript("load")
	peekScript   = mustScript("peek")
	createScript = mustScript("create")
	commitScript = mustScript("commit")
	mergeScript  = mustScript("merge")

	// The same, for changes that need no memory.
	commitFreeScript = mustFree("commit")
	mergeFreeScript  = mustFree("merge")

	renewScript   = mustFree("renew")
	releaseScript = mustFree("release")
	retireScript  = mustFree("retire")
	markScript    = mustScript("mark")
	inspectScript = mustScript("inspect")
	watchedScript = mustScript("watched")
	enlistScript  = mustScript("enlist")
	unlistScript  = mustFree("unlist")
	dueScript     = mustFree("due")
	deferScript   = mustFree("defer")
	claimScript   = mustFree("claim")
	unclaimScript = mustFree("unclaim")
	asideScript   = mustFree("aside")
	advanceScript = mustFree("advance")
	hastenScript  = mustFree("hasten")
	listedScript  = mustScript("listed")
	fieldsScript  = mustScript("fields")

	companionScript = mustScript("companion")
)

// mustFree makes a script that ends something, or that such a script needs before. It also runs on a
// server whose memory is full, from Redis 7 on.
func mustFree(name string) script {
	s := mustScript(name)
	s.frees = "#!lua flags=allow-oom\n" + s.source.(string)
	return s
}

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
	return script{source: source, sha: hex.EncodeToString(sum[:])}
}

// run runs a script by its hash. If the server does not know the script, run sends its source at
// once. That happens after a restart, a failover or SCRIPT FLUSH.
func (s script) run(ctx context.Context, st *Store, keys []any, args ...any) (any, error) {
	cmd := command(ctx, "evalsha", s.sha, keys, args)
	st.do(ctx, cmd)
	if missing(cmd.Err()) {
		cmd = command(ctx, "eval", s.source, keys, args)
		st.do(ctx, cmd)
	}
	if s.starved(cmd.Err()) {
		free := command(ctx, "eval", s.frees, keys, args)
		if st.do(ctx, free); free.Err() == nil {
			return free.Result()
		}
	}
	return cmd.Result()
}

// starved tells whether a server refused a script because its memory is full, and there is a way to
// run it all the same.
func (s script) starved(err error) bool {
	return err != nil && s.frees != nil && (redis.HasErrorPrefix(err, "OOM") || strings.Contains(err.Error(), "-OOM "))
}

// runAndLoad runs a script. After it, in the same round trip, it loads the hash under the script's
// first key.
func (s script) runAndLoad(ctx context.Context, st *Store, keys []any, args ...any) (any, map[string]string, error) {
	ran, all := command(ctx, "evalsha", s.sha, keys, args), redis.NewMapStringStringCmd(ctx, "hgetall", keys[0])
	st.do(ctx, ran, all)
	if missing(ran.Err()) {
		ran, all = command(ctx, "eval", s.source, keys, args), redis.NewMapStringStringCmd(ctx, "hgetall", keys[0])
		st.do(ctx, ran, all)
	}
	if s.starved(ran.Err()) {
		free, again := command(ctx, "eval", s.frees, keys, args), redis.NewMapStringStringCmd(ctx, "hgetall", keys[0])
		if st.do(ctx, free, again); free.Err() == nil {
			ran, all = free, again
		}
	}
	err := ran.Err()
	if err == nil {
		err = all.Err()
	}
	return ran.Val(), all.Val(), err
}

// once is a command that the client must not send again by itself, whatever its MaxRetries. A second
// try may have to be another command, and the caller must know of it.
type once struct{ *redis.Cmd }

// NoRetry is how go-redis asks.
func (once) NoRetry() bool { return true }

func command(ctx context.Context, name string, script any, keys, args []any) once {
	all := make([]any, 0, 3+len(keys)+len(args))
	all = append(all, name, script, len(keys))
	all = append(append(all, keys...), args...)
	cmd := redis.NewCmd(ctx, all...)
	cmd.SetFirstKeyPos(3)
	return once{cmd}
}

// missing tells whether err says that the server does not know a script.
func missing(err error) bool { return err != nil && redis.HasErrorPrefix(err, "NOSCRIPT") }

// call is one run of a script among many.
type call struct {
	keys []any
	args []any
}

// runAll runs a script many times, in one round trip to each server. Replies and errors are in the
// order of the calls.
func (s script) runAll(ctx context.Context, st *Store, calls []call) []reply {
	cmds := make([]redis.Cmder, len(calls))
	for i, c := range calls {
		cmds[i] = command(ctx, "evalsha", s.sha, c.keys, c.args)
	}
	if len(cmds) > 0 {
		send(ctx, st.Client, cmds)
	}
	replies := make([]reply, len(calls))
	for i, cmd := range cmds {
		replies[i].value, replies[i].err = cmd.(once).Result()
		if missing(replies[i].err) || s.starved(replies[i].err) {
			replies[i].value, replies[i].err = s.run(ctx, st, calls[i].keys, calls[i].args...)
		}
	}
	return replies
}

type reply struct {
	value any
	err   error
}
