//go:build testall

package connect_test

import (
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/berthgo/berth/core/connect"
	"github.com/berthgo/berth/core/redistest"
)

func TestTLS(t *testing.T) {
	t.Parallel()
	s := startRedis(t, redistest.Options{TLS: redistest.MutualTLS})
	port, files := s.Port(), s.Certificates()
	text := func(file string) string {
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	c := connect.Config{Port: port, SSL: true, CACert: files.CAFile, ClientCert: files.ClientCertFile, ClientKey: files.ClientKeyFile}
	works(t, c)
	works(t, connect.Config{Port: port, SSL: true, CACert: text(files.CAFile), ClientCert: text(files.ClientCertFile), ClientKey: text(files.ClientKeyFile)})

	beside := c
	beside.Port, beside.SSL, beside.URL = 0, false, "rediss://localhost:"+strconv.Itoa(port)
	works(t, beside)
	beside.URL = s.Addr() + ",ssl=True,sslHost=localhost"
	works(t, beside)

	for name, change := range map[string]func(*connect.Config){
		"an unknown authority":  func(c *connect.Config) { c.CACert = "" },
		"another name":          func(c *connect.Config) { c.ServerName = "redis.test" },
		"no client certificate": func(c *connect.Config) { c.ClientCert, c.ClientKey = "", "" },
		"no TLS":                func(c *connect.Config) { *c = connect.Config{Port: c.Port} },
	} {
		other := c
		change(&other)
		if err := newClient(t, other).Ping(t.Context()).Err(); err == nil {
			t.Errorf("works with %s", name)
		}
	}
}

func TestCluster(t *testing.T) {
	t.Parallel()
	redistest.NeedServer(t)
	cluster, err := redistest.StartCluster(t.Context(), redistest.ClusterOptions{Node: redistest.Options{Password: "key"}})
	stopLater(t, cluster, err)
	addrs := cluster.Addrs()
	works(t, connect.Config{Addrs: addrs, Cluster: true, AccessKey: "key"})
	works(t, connect.Config{URL: "redis+cluster://:key@" + addrs[0]})
	works(t, connect.Config{URL: strings.Join(addrs, ",") + ",password=key", Cluster: true})
}

// When a master dies, its replica is found, although no call is tried again.
func TestClusterFailover(t *testing.T) {
	t.Parallel()
	redistest.NeedServer(t)
	cluster, err := redistest.StartCluster(t.Context(), redistest.ClusterOptions{Replicas: 1})
	stopLater(t, cluster, err)
	client := newClient(t, connect.Config{Addrs: cluster.Addrs(), Cluster: true})
	write := func() error { return client.Set(t.Context(), "key", "value", 0).Err() }
	if err := write(); err != nil {
		t.Fatal(err)
	}
	master, err := cluster.MasterOf(t.Context(), "key")
	if err != nil {
		t.Fatal(err)
	}
	if err := master.Kill(); err != nil {
		t.Fatal(err)
	}
	if err := write(); err == nil {
		t.Error("written without a master")
	}
	if err := cluster.WaitReady(t.Context()); err != nil {
		t.Fatal(err)
	}
	until(t, "the replica is asked", func() bool { return write() == nil })
}

func TestSentinel(t *testing.T) {
	t.Parallel()
	redistest.NeedServer(t)
	s, err := redistest.StartSentinel(t.Context(), redistest.SentinelOptions{
		Replicas: 1, Password: "sentinelkey", Node: redistest.Options{Password: "key"},
	})
	stopLater(t, s, err)
	addrs := s.SentinelAddrs()
	works(t, connect.Config{Addrs: addrs, MasterName: s.MasterName(), AccessKey: "key", SentinelPassword: "sentinelkey", DatabaseID: 1})
	works(t, connect.Config{URL: "redis+sentinel://:key@" + strings.Join(addrs, ",") + "/" + s.MasterName() + "/1?sentinel_password=sentinelkey"})
	works(t, connect.Config{URL: strings.Join(addrs, ",") + ",password=key,serviceName=" + s.MasterName(), SentinelPassword: "sentinelkey"})
	works(t, connect.Config{URL: strings.Join(addrs, ",") + ",password=key,sentinelPassword=sentinelkey,serviceName=" + s.MasterName()})
}
