package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/berthgo/berth/core/internal/explain"
	"github.com/berthgo/berth/core/internal/store"
)

// permission is one item of docs/redis.md, and a call that needs it.
type permission struct {
	rule string
	args []any
	// without is what berth goes on without; "" if it cannot.
	without string
}

// What is missing without a permission, as docs/redis.md says it.
const (
	withoutMessages      = "Requests that wait ask Redis themselves, up to 40 times a second. A Watch hears within 5 seconds."
	withoutNotifications = "Only HandleEnd needs it, and looks for ends every EndSweep (5s) without it."
	withoutScan          = "Manager.Sessions, the inspector's list and berthctl ls need it."
	withoutCompanions    = "Only sessions with companions need it."
	withoutConfig        = "Notifications stay as they are."
	withoutLifetime      = "Only sessions with MaxLifetime need it."
)

// commandsOf are calls that need one command each. They find no session, and change none: where a call
// would write, its key has a value of another type, or there is nothing that it could change.
func commandsOf(key string, cluster bool) []permission {
	absent := key + "_Absent"
	list := []permission{
		{"+del", []any{"del", absent}, ""},
		{"+set", []any{"set", key, "berthctl doctor", "px", 10_000}, ""},
		{"+get", []any{"get", key}, ""},
		{"+mget", []any{"mget", key}, ""},
		{"+exists", []any{"exists", key}, ""},
		{"+evalsha", []any{"evalsha", strings.Repeat("0", 40), 1, key}, ""},
		{"+eval", []any{"eval", "return 1", 1, key}, ""},
		{"+hget", []any{"hget", key, "f"}, ""},
		{"+hmget", []any{"hmget", key, "f"}, ""},
		{"+hkeys", []any{"hkeys", key}, ""},
		{"+hgetall", []any{"hgetall", key}, ""},
		{"+hdel", []any{"hdel", absent, "f"}, ""},
		{"+pexpire", []any{"pexpire", absent, 10_000}, ""},
		{"+pexpireat", []any{"pexpireat", absent, 1}, ""},
		{"+pttl", []any{"pttl", key}, ""},
		{"+persist", []any{"persist", absent}, ""},
		{"+rename", []any{"rename", absent, absent + "2"}, ""},
		{"+zadd", []any{"zadd", absent, "xx", 1, "m"}, ""},
		{"+zrem", []any{"zrem", absent, "m"}, ""},
		{"+zcard", []any{"zcard", absent}, ""},
		{"+zscore", []any{"zscore", absent, "m"}, ""},
		{"+zrange", []any{"zrange", absent, 0, 0}, ""},
		{"+zrangebyscore", []any{"zrangebyscore", absent, 0, 1}, ""},
		{"+time", []any{"time"}, withoutLifetime},
		{"+ping", []any{"ping"}, withoutMessages},
		{"+scan", []any{"scan", 0, "count", 1}, withoutScan},
		{"+config|get", []any{"config", "get", "notify-keyspace-events"}, withoutConfig},
	}
	if cluster {
		list = append(list, permission{"+cluster|slots", []any{"cluster", "slots"}, ""}, permission{"+command", []any{"command", "count"}, ""})
	}
	return list
}

// permissions tries each permission, and reports those that are missing, one by one.
func (e *examination) permissions(keys store.Keys, separator string) {
	key := keys.Data("doctor-" + strings.ToLower(rand.Text())) // no handle, so no session
	defer func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(e.ctx), time.Second)
		defer cancel()
		e.c.Del(ctx, key) // it expires anyway
	}()
	tried := 0
	missing := map[string]bool{} // a rule may be tried twice
	keyRule := permission{rule: "~{" + e.settings.Options.App + separator + "*"}
	keysRefused := false
	try := func(p permission, err error) {
		tried++
		said := ""
		if answer := redis.Error(nil); errors.As(err, &answer) {
			said = answer.Error()
		}
		lower := strings.ToLower(said)
		switch {
		case err == nil, errors.Is(err, redis.Nil):
		case refused(err) && strings.Contains(lower, " key") && !strings.HasPrefix(p.rule, "~"):
			keysRefused = true // the command is allowed
		case refused(err), strings.Contains(lower, "unknown command"), strings.Contains(lower, "unknown subcommand"):
			if !missing[p.rule] {
				e.missing(p)
			}
			missing[p.rule] = true
		case said != "": // any other answer comes after the permission
		default:
			e.add(note, "permission "+p.rule, "not known: "+explain.Error(err).Error(), "")
		}
	}
	written := false
	for _, p := range commandsOf(key, e.cluster) {
		err := e.c.Do(e.ctx, p.args...).Err()
		if p.rule == "+set" {
			written = err == nil
			e.writes(err)
		}
		try(p, err)
	}
	if written { // on a string, HSET is an error, and leaves nothing behind
		try(permission{"+hset", nil, ""}, e.c.HSet(e.ctx, key, "f", "v").Err())
	}
	if flags, err := e.setting("notify-keyspace-events"); err == nil {
		try(permission{"+config|set", nil, withoutConfig}, e.c.ConfigSet(e.ctx, "notify-keyspace-events", flags).Err())
	}
	tried++
	if keysRefused {
		missing[keyRule.rule] = true
		e.missing(keyRule)
	}
	e.channels(keys, separator, try)
	e.companions(try)
	if len(missing) == 0 {
		e.add(ok, "permissions", fmt.Sprintf("%d of %d", tried, tried), "")
	}
}

// writes reports a server that writes nothing at the moment, whatever it permits: what SET answered tells.
func (e *examination) writes(err error) {
	for _, answer := range []string{"NOREPLICAS", "OOM", "MISCONF", "READONLY"} {
		if redis.HasErrorPrefix(err, answer) {
			e.add(bad, "writes", explain.Error(err).Error(), "No session can be saved until Redis writes again: see docs/troubleshooting.md.")
		}
	}
}

func (e *examination) missing(p permission) {
	if p.without != "" {
		e.add(note, "permission "+p.rule, "missing", p.without)
		return
	}
	e.add(bad, "permission "+p.rule, "missing", "berth cannot work without it: ACL SETUSER USER '"+p.rule+"'. See Permissions in docs/redis.md.")
}

// companions tries the keys of companions, which begin with no name of an application.
func (e *examination) companions(try func(permission, error)) {
	handle := strings.ToLower(rand.Text()[:26])
	try(permission{"~??????????????????????????", nil, withoutCompanions}, e.c.Get(e.ctx, store.Companion(handle)).Err())
	try(permission{"~{??????????????????????????}_Proof", nil, withoutCompanions}, e.c.Get(e.ctx, store.CompanionProof(handle)).Err())
}

// channels tries to subscribe and to publish.
func (e *examination) channels(keys store.Keys, separator string, try func(permission, error)) {
	prefix := e.settings.Options.App + separator
	wake := keys.Channel("doctor")
	of := func(command, pattern string, err error, without string) {
		rule := "+" + command
		if refused(err) && strings.Contains(strings.ToLower(err.Error()), "channel") {
			rule = "&" + pattern
		}
		try(permission{rule, nil, without}, err)
	}
	of("publish", prefix+"Wake"+separator+"*", e.c.Publish(e.ctx, wake, "").Err(), withoutMessages)
	of("subscribe", prefix+"Wake"+separator+"*", e.listen((*redis.PubSub).Subscribe, wake), withoutMessages)
	of("subscribe", prefix+"Watch", e.listen((*redis.PubSub).Subscribe, keys.Watch()), withoutMessages)
	for _, channel := range []string{"__keyspace@" + e.c.Database() + "__:" + keys.AllAlive(), "__keyevent@" + e.c.Database() + "__:expired"} {
		of("psubscribe", channel, e.listen((*redis.PubSub).PSubscribe, channel), withoutNotifications)
	}
	if e.cluster {
		shard := keys.ShardChannel("doctor", "doctor")
		pattern := "{" + prefix + "*}" + separator + "Wake:*"
		of("ssubscribe", pattern, e.listen((*redis.PubSub).SSubscribe, shard), withoutMessages)
		of("sunsubscribe", pattern, e.listen((*redis.PubSub).SUnsubscribe, shard), withoutMessages)
		of("spublish", pattern, e.c.SPublish(e.ctx, shard, "").Err(), withoutMessages)
	}
}

// listen subscribes on a connection of its own, which it closes.
func (e *examination) listen(subscribe func(s *redis.PubSub, ctx context.Context, channels ...string) error, channel string) error {
	s := e.c.Subscribe(e.ctx)
	defer s.Close()
	if err := subscribe(s, e.ctx, channel); err != nil {
		return err
	}
	_, err := s.ReceiveTimeout(e.ctx, 5*time.Second)
	return err
}
