package explain

import (
	"errors"
	"strings"

	"github.com/redis/go-redis/v9"

	"github.com/berthgo/berth/core/connect"
)

// Error returns the failure of a call to Redis without what a server repeats of the call, and with a
// hint at what to do about it. Both work for any client, not only for that of package connect.
func Error(err error) error {
	if known := (*connect.Error)(nil); errors.As(err, &known) {
		return err
	}
	err = Unquoted(err)
	var said redis.Error
	if !errors.As(err, &said) {
		return err
	}
	for _, h := range hints {
		if says(said.Error(), h.code) {
			return &hinted{err, h.hint}
		}
	}
	return err
}

// hints say what to do about an answer of a server. An answer begins with its code.
var hints = []struct{ code, hint string }{
	{"MOVED", "the server is a node of a cluster: set Cluster in the Config, or write redis+cluster:// in its URL; " +
		"a client of your own must come from redis.NewClusterClient"},
	{"CROSSSLOT", "the server is a node of a cluster, or stands before one: set Cluster in the Config; " +
		"a client of your own must come from redis.NewClusterClient"},
	{"ERR This instance has cluster support disabled", "the server is not part of a cluster: make the client with redis.NewClient"},
	{"NOAUTH", "the server wants a password: see Config.AccessKey, or Password of your client"},
	{"ERR Protocol error: unauthenticated", "the server wants a password: see Config.AccessKey, or Password of your client"},
	{"WRONGPASS", "look at Config.AccessKey and Username, or at Password and Username of your client"},
	{"NOPERM", "docs/redis.md says under Permissions what the user of berth needs"},
	{"ERR unknown command", "berth needs that command: see Permissions in docs/redis.md; " +
		"if the server is a Sentinel, set Config.MasterName, or make the client with redis.NewFailoverClient"},
	{"TRYAGAIN", "a slot of the cluster is on its way to another node; if that lasts, complete it with redis-cli --cluster fix, " +
		"see docs/redis.md"},
	{"READONLY", "the server is a replica: if it remains one, connect to its master"},
}

// says tells whether an answer begins with a text. Before Redis 7, the code of an error inside a script does
// not stand at the start.
func says(answer, text string) bool {
	return strings.HasPrefix(answer, text) || strings.Contains(answer, "-"+strings.TrimSuffix(text, " ")+" ")
}

// hinted is an answer of a server, and what to do about it.
type hinted struct {
	err  error
	hint string
}

func (h *hinted) Error() string { return strings.TrimSuffix(h.err.Error(), ".") + "; " + h.hint }

func (h *hinted) Unwrap() error { return h.err }

// Unquoted cuts off what an error repeats: of a command that the server does not know, and of a reply
// that go-redis cannot read. Keys, proofs and values are among it.
func Unquoted(err error) error {
	var answer redis.Error
	if errors.As(err, &answer) {
		if said, _, quotes := strings.Cut(answer.Error(), ", with args beginning with:"); quotes {
			return unknownCommand(said)
		}
		return err
	}
	for _, quotes := range []string{"redis: can't parse", "redis: can't read", "redis: invalid reply", "strconv."} {
		if strings.Contains(err.Error(), quotes) {
			return errGarbled
		}
	}
	return err
}

// errGarbled stands for an error of go-redis that quotes a reply.
var errGarbled = errors.New("the reply is not one of Redis, and is not shown here; is there a proxy on the way?")

// unknownCommand is the answer of a server, without what it quotes.
type unknownCommand string

func (u unknownCommand) Error() string { return string(u) }

// RedisError marks it as an answer of a server.
func (unknownCommand) RedisError() {}

var _ redis.Error = unknownCommand("")
