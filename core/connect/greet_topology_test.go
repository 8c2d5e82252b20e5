//go:build testall

package connect_test

import (
	"strings"
	"testing"

	"github.com/berthgo/berth/core/connect"
	"github.com/berthgo/berth/core/redistest"
)

func TestTLSIsNotWhatIsExpected(t *testing.T) {
	t.Parallel()
	s := startRedis(t, redistest.Options{TLS: redistest.MutualTLS})
	files := s.Certificates()
	for _, set := range []func(c *connect.Config){
		func(*connect.Config) {}, func(c *connect.Config) { c.Cluster = true }, func(c *connect.Config) { c.MasterName = "main" },
	} {
		for _, f := range []struct {
			config connect.Config
			want   judged
			advice string
		}{
			{connect.Config{}, hangUp, "set SSL"},
			{connect.Config{SSL: true}, badTLS, "set CACert"},
			{connect.Config{SSL: true, CACert: files.CAFile, ServerName: "redis.test"}, badTLS, "set ServerName"},
			{connect.Config{SSL: true, CACert: files.CAFile}, silent, "set ClientCert and ClientKey"},
		} {
			c := f.config
			c.Port = s.Port()
			set(&c)
			failsAt(t, c, f.want, s.Addr(), f.advice)
		}
	}
}

func TestClusterRefusesPassword(t *testing.T) {
	t.Parallel()
	redistest.NeedServer(t)
	cluster, err := redistest.StartCluster(t.Context(), redistest.ClusterOptions{Node: redistest.Options{Password: "key"}})
	stopLater(t, cluster, err)
	c := connect.Config{Addrs: cluster.Addrs()[:1], Cluster: true}
	failsAt(t, c, refusal, c.Addrs[0], "wants a password: set AccessKey")
	c.AccessKey = "tellnobody"
	failsAt(t, c, refusal, c.Addrs[0], "WRONGPASS", "look at AccessKey and Username")
	c.AccessKey, c.Cluster, c.DatabaseID = "key", false, 1
	failsAt(t, c, refusal, c.Addrs[0], "node of a cluster: set Cluster, and leave DatabaseID out")
}

func TestSentinelsRefusePassword(t *testing.T) {
	t.Parallel()
	redistest.NeedServer(t)
	s, err := redistest.StartSentinel(t.Context(), redistest.SentinelOptions{Password: "sentinelkey", Node: redistest.Options{Password: "key"}})
	stopLater(t, s, err)
	addrs := s.SentinelAddrs()
	master, err := s.Master(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		config connect.Config
		texts  []string
	}{
		{connect.Config{SentinelPassword: "sentinelkey"}, []string{master.Addr(), "wants a password: set AccessKey"}},
		{connect.Config{SentinelPassword: "sentinelkey", AccessKey: "tellnobody"}, []string{master.Addr(), "WRONGPASS", "look at AccessKey and Username"}},
		{connect.Config{AccessKey: "key"}, append(addrs, "NOAUTH", "look at SentinelPassword")},
		{connect.Config{SentinelPassword: "tellnobody", AccessKey: "key"}, append(addrs, "WRONGPASS", "look at SentinelPassword")},
	} {
		c.config.Addrs, c.config.MasterName = addrs, s.MasterName()
		failsAt(t, c.config, refusal, c.texts...)
	}
	failsAt(t, connect.Config{Addrs: addrs, MasterName: "other", SentinelPassword: "sentinelkey"}, refusal, `know no master "other": look at MasterName`)
}

// In a connection string, Sentinels have the password of the server, unless it names another.
func TestSentinelsOfConnectionString(t *testing.T) {
	t.Parallel()
	redistest.NeedServer(t)
	s, err := redistest.StartSentinel(t.Context(), redistest.SentinelOptions{Password: "key", Node: redistest.Options{Password: "key"}})
	stopLater(t, s, err)
	works(t, connect.Config{URL: strings.Join(s.SentinelAddrs(), ",") + ",password=key,serviceName=" + s.MasterName()})
}
