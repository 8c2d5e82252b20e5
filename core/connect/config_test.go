package connect_test

import (
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/berthgo/berth/core/connect"
)

func TestWhereRedisIs(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		config connect.Config
		want   string
	}{
		{connect.Config{}, "redis://127.0.0.1:6379/0"},
		{connect.Config{SSL: true}, "rediss://127.0.0.1:6380/0"},
		{connect.Config{Host: "redis.test", Port: 7000, DatabaseID: 2}, "redis://redis.test:7000/2"},
		{connect.Config{Host: "redis.test", SSL: true, Port: 6379}, "rediss://redis.test:6379/0"},
		{connect.Config{Host: "::1"}, "redis://[::1]:6379/0"},
		{connect.Config{Host: "[::1]"}, "redis://[::1]:6379/0"},
		{connect.Config{Host: "fe80::1%eth0"}, "redis://[fe80::1%eth0]:6379/0"},
		{connect.Config{Username: "ann", AccessKey: "secret"}, "redis://127.0.0.1:6379/0"},
		{connect.Config{Socket: "/run/redis.sock", DatabaseID: 1}, "unix:///run/redis.sock?db=1"},
		{connect.Config{Addrs: []string{"a.test"}}, "redis://a.test:6379/0"},
		{connect.Config{Addrs: []string{"a.test", "b.test:1"}, Port: 7, Cluster: true}, "redis+cluster://a.test:7,b.test:1"},
		{connect.Config{Cluster: true, SSL: true}, "rediss+cluster://127.0.0.1:6380"},
		{connect.Config{Addrs: []string{"a.test", "[::1]:3"}, MasterName: "main", DatabaseID: 3}, "redis+sentinel://a.test:26379,[::1]:3/main/3"},
		{connect.Config{Host: "a.test", MasterName: "main", SSL: true}, "rediss+sentinel://a.test:26379/main/0"},
		{connect.Config{URL: " \n"}, "redis://127.0.0.1:6379/0"},
		{connect.Config{Port: -1}, "(invalid)"},
	} {
		if got := c.config.String(); got != c.want {
			t.Errorf("%#v is %s, want %s", c.config, got, c.want)
		}
		if err := tryClient(t, c.config); (err == nil) != (c.want != "(invalid)") {
			t.Errorf("%s: %v", c.want, err)
		}
	}
}

func TestWrongConfigIsAllNamed(t *testing.T) {
	t.Parallel()
	const secret = "tellnobody"
	missing := filepath.Join(t.TempDir(), "missing.pem")
	for name, c := range map[string]struct {
		config connect.Config
		want   []string // parts of the message
	}{
		"values": {connect.Config{
			Host: "a b", Port: 70000, DatabaseID: -1, ConnectionTimeout: -1, OperationTimeout: 5,
			Username: "ann", SentinelUsername: "bob", SentinelPassword: secret, CACert: missing, ClientCert: missing,
		}, []string{
			`Host is "a b"`, "Port is 70000", "DatabaseID is -1", "ConnectionTimeout is -1ns", "OperationTimeout is 5ns", "at least 1ms",
			"Username is set without AccessKey", "SentinelPassword is set without MasterName",
			"CACert is set, but SSL is not", "CACert is neither PEM text nor the name of a file", "ClientCert is neither PEM text", "ClientCert is set without ClientKey",
		}},
		"host and addrs":     {connect.Config{Host: "a.test", Addrs: []string{"b.test", "c.test:x"}}, []string{"Host and Addrs are both set", `Addrs[1] is "c.test:x"`, "Addrs names 2 servers"}},
		"several and a port": {connect.Config{Addrs: []string{"a.test:0", "b.test"}, Cluster: true}, []string{`Addrs[0] is "a.test:0"`}},
		"sentinel cluster":   {connect.Config{MasterName: "main", Cluster: true, DatabaseID: 1}, []string{"MasterName and Cluster are both set", "DatabaseID is 1: a cluster has only database 0"}},
		"sentinel user":      {connect.Config{MasterName: "main", SentinelUsername: "bob"}, []string{"SentinelUsername is set without SentinelPassword"}},
		"socket": {
			connect.Config{Socket: "/s", Host: "a.test", Port: 1, Addrs: []string{"b.test"}, MasterName: "main", Cluster: true, SSL: true},
			[]string{"Socket and Host are", "Socket and Port are", "Socket and Addrs are", "Socket is set together with MasterName, Cluster or SSL"},
		},
		"TLS without SSL": {
			connect.Config{ServerName: "redis.test", ClientKey: secret},
			[]string{"ServerName is set, but SSL is not", "ClientKey is set, but SSL is not", "ClientKey is set without ClientCert"},
		},
		"not PEM": {
			connect.Config{SSL: true, CACert: "-----BEGIN NOTHING-----", ClientCert: "-----BEGIN NOTHING-----", ClientKey: "-----BEGIN NOTHING-----" + secret},
			[]string{"CACert has no certificate", "ClientCert and ClientKey are not a certificate and its key"},
		},
		"a key that is no file": {
			connect.Config{SSL: true, ClientCert: "-----BEGIN NOTHING-----", ClientKey: secret},
			[]string{"ClientKey is neither PEM text nor the name of a file"},
		},
		"a URL as host":   {connect.Config{Host: "redis://:" + secret + "@a.test"}, []string{"Host is a URL"}},
		"a string as one": {connect.Config{Addrs: []string{"a.test,password=" + secret}}, []string{"Addrs[0] is a URL"}},
		"URL and fields": {
			connect.Config{
				URL: "rediss+sentinel://u:p@a.test/main/1?connection_timeout=1s&operation_timeout=2s&sentinel_username=v&sentinel_password=q", Host: "b.test", Port: 1,
				Addrs: []string{"c.test"}, Socket: "/s", Username: "w", AccessKey: secret, DatabaseID: 2, MasterName: "other", Cluster: true,
				SentinelUsername: "x", SentinelPassword: secret, ConnectionTimeout: time.Minute, OperationTimeout: time.Minute,
			},
			[]string{
				"URL and Host are", "URL and Port are", "URL and Addrs are", "URL and Socket are", "Username is set, but URL says something else", "AccessKey is set, but URL",
				"DatabaseID is set, but URL", "MasterName is set, but URL", "Cluster is set, but URL", "SentinelUsername is set, but URL", "SentinelPassword is set, but URL",
				"ConnectionTimeout is set, but URL", "OperationTimeout is set, but URL",
			},
		},
		"URL without TLS": {connect.Config{URL: "redis://a.test", SSL: true}, []string{"SSL is set, but URL says something else"}},
		"URL is wrong, and more": {
			connect.Config{URL: "http://a.test", Host: "b.test", Port: -1, OperationTimeout: 1, SSL: true, CACert: missing},
			[]string{`URL has the scheme "http"`, "URL and Host are", "Port is -1", "OperationTimeout is 1ns", "CACert is neither"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := connect.NewClient(c.config)
			if err == nil {
				t.Fatal("taken")
			}
			for _, part := range append(c.want, "connect: invalid config:\n") {
				if !strings.Contains(err.Error(), part) {
					t.Errorf("%q is not in:\n%v", part, err)
				}
			}
			if strings.Contains(err.Error(), secret) {
				t.Errorf("tells a secret:\n%v", err)
			}
		})
	}
}

// Whatever a URL leaves open, a field may say, and what it says too, if it is the same.
func TestFieldsBesideURL(t *testing.T) {
	t.Parallel()
	for _, c := range []connect.Config{
		{URL: "redis://ann@a.test", AccessKey: "key"},
		{URL: "redis://a.test", Username: "ann", AccessKey: "key", DatabaseID: 3, ConnectionTimeout: time.Second},
		{URL: "rediss://a.test", SSL: true, ServerName: "b.test"},
		{URL: "redis://a.test", Cluster: true},
		{URL: "redis://a.test/2", DatabaseID: 2},
		{URL: "redis+cluster://a.test/0", Cluster: true},
		{URL: "a.test,b.test", MasterName: "main"},
		{URL: "a.test:6380,password=key,defaultDatabase=-1", SSL: true, DatabaseID: 4},
	} {
		if err := tryClient(t, c); err != nil {
			t.Errorf("%s: %v", c.URL, err)
		}
	}
}
