package rig

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net"
	"strings"
	"sync"

	"github.com/redis/go-redis/v9"
)

// oddTexts are what scripts return in good order, for replies that are nearly right.
var oddTexts = []string{
	"2 60000 1700000000000 - tokentokentokentokentoken000 ann",
	"2 60000 1700000000000 a1700000000000s1700000000m60l1700000000c1r600000 tokentokentokentokentoken000 ann",
	"2 retired tokentokentokentokentoken000 abandoned -",
	"2 ended expired 1700000000000 1700000000001 1 1600000000000 1600000000000 ann",
	"1 60000 1700000000000 - t p", "_berth", "_berth_secret", "_berth_mac", "_berth_used", "", "1.7e+12", "nan",
}

// oddFaults are errors that a server may answer.
var oddFaults = []string{
	"NOSCRIPT No matching script", "OOM command not allowed", "TRYAGAIN Multiple keys request", "WRONGTYPE Operation against a key",
	"ERR Error running script: -OOM command not allowed", "MOVED 1 127.0.0.1:1",
}

// shapes makes values of any shape that a reply of Redis can have, as bytes tell.
type shapes struct{ bytes []byte }

func (s *shapes) byte() byte {
	if len(s.bytes) == 0 {
		return 0
	}
	b := s.bytes[0]
	s.bytes = s.bytes[1:]
	return b
}

func (s *shapes) value(depth int) any {
	switch kind := s.byte() % 10; {
	case kind == 1:
		return int64(int8(s.byte())) //nolint:gosec // any number will do
	case kind == 2:
		return int64(s.byte()) << 56
	case kind == 3:
		return oddTexts[int(s.byte())%len(oddTexts)]
	case kind == 4:
		n := min(int(s.byte()), len(s.bytes))
		text := string(s.bytes[:n])
		s.bytes = s.bytes[n:]
		return text
	case kind == 5:
		return s.byte()%2 == 1
	case kind == 6:
		return math.Inf(1)
	case kind == 7 && depth > 0:
		return map[any]any{s.text(): s.value(depth - 1)}
	case kind >= 8 && depth > 0:
		list := make([]any, int(s.byte())%12)
		for i := range list {
			list[i] = s.value(depth - 1)
		}
		return list
	}
	return nil
}

func (s *shapes) text() string { return fmt.Sprint(s.value(0)) }

// OddServer is a hook of a client that answers every command in place of a server, as bytes tell: with a
// value of any shape, or an error. When the bytes are used up, it answers nil.
type OddServer struct {
	shapes
	mu sync.Mutex
}

// NewOddServer returns a client, for which there is no server, with this hook.
func NewOddServer(answers []byte) *redis.Client {
	client := redis.NewClient(&redis.Options{
		Addr: "127.0.0.1:1", MaxRetries: -1, DialerRetries: 1, DisableIdentity: true,
		Dialer: func(context.Context, string, string) (net.Conn, error) { return nil, errors.New("there is no server") },
	})
	client.AddHook(&OddServer{shapes: shapes{answers}})
	return client
}

// DialHook changes nothing.
func (o *OddServer) DialHook(next redis.DialHook) redis.DialHook { return next }

// ProcessHook answers a command.
func (o *OddServer) ProcessHook(redis.ProcessHook) redis.ProcessHook {
	return func(_ context.Context, cmd redis.Cmder) error {
		o.reply(cmd)
		return cmd.Err()
	}
}

// ProcessPipelineHook answers the commands of a pipeline.
func (o *OddServer) ProcessPipelineHook(redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(_ context.Context, cmds []redis.Cmder) (first error) {
		for _, cmd := range cmds {
			o.reply(cmd)
			first = errors.Join(first, cmd.Err())
		}
		return first
	}
}

func (o *OddServer) reply(cmd redis.Cmder) {
	o.mu.Lock()
	defer o.mu.Unlock()
	kind := o.byte()
	if kind >= 240 {
		cmd.SetErr(serverError(oddFaults[int(kind)%len(oddFaults)]))
		return
	}
	switch cmd := cmd.(type) {
	case interface{ SetVal(any) }:
		cmd.SetVal(o.value(3))
	case *redis.MapStringStringCmd:
		fields := map[string]string{}
		for range kind % 6 {
			fields[o.text()] = o.text()
		}
		cmd.SetVal(fields)
	case *redis.StringSliceCmd:
		cmd.SetVal([]string{o.text(), o.text()})
	case *redis.ScanCmd:
		cmd.SetVal([]string{o.text(), "{a_" + strings.Repeat("a", 26) + "}_Data"}, uint64(kind%3))
	}
}
