package store

import (
	"context"
	"crypto/sha1" //nolint:gosec // Redis names scripts by their SHA-1.
	"embed"
	"encoding/hex"
	"strings"

	"github.com/redis/go-redis/v9"
)

// Scripter is what the package needs of a Redis client.
type Scripter interface {
	EvalSha(ctx context.Context, sha1 string, keys []string, args ...any) *redis.Cmd
	Eval(ctx context.Context, script string, keys []string, args ...any) *redis.Cmd
}

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
func (s script) run(ctx context.Context, client Scripter, keys []string, args ...any) (any, error) {
	reply, err := client.EvalSha(ctx, s.sha, keys, args...).Result()
	if redis.HasErrorPrefix(err, "NOSCRIPT") {
		reply, err = client.Eval(ctx, s.source, keys, args...).Result()
	}
	return reply, err
}
