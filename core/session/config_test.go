package session_test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/berthgo/berth/core/session"
)

// tryOpen opens a manager, which talks to nothing.
func tryOpen(t rapid.TB, c session.Config) error {
	t.Helper()
	m, err := session.Open(c, session.Options{})
	if err != nil {
		return err
	}
	return m.Close()
}

func TestWhereRedisIs(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		config session.Config
		want   string
	}{
		{session.Config{}, "redis://127.0.0.1:6379/0"},
		{session.Config{SSL: true}, "rediss://127.0.0.1:6380/0"},
		{session.Config{Host: "redis.test", Port: 7000, DatabaseID: 2}, "redis://redis.test:7000/2"},
		{session.Config{Host: "redis.test", SSL: true, Port: 6379}, "rediss://redis.test:6379/0"},
		{session.Config{Host: "::1"}, "redis://[::1]:6379/0"},
		{session.Config{Host: "[::1]"}, "redis://[::1]:6379/0"},
		{session.Config{Host: "fe80::1%eth0"}, "redis://[fe80::1%eth0]:6379/0"},
		{session.Config{Username: "ann", AccessKey: "secret"}, "redis://127.0.0.1:6379/0"},
		{session.Config{Socket: "/run/redis.sock", DatabaseID: 1}, "unix:///run/redis.sock?db=1"},
		{session.Config{Addrs: []string{"a.test"}}, "redis://a.test:6379/0"},
		{session.Config{Addrs: []string{"a.test", "b.test:1"}, Port: 7, Cluster: true}, "redis+cluster://a.test:7,b.test:1"},
		{session.Config{Cluster: true, SSL: true}, "rediss+cluster://127.0.0.1:6380"},
		{session.Config{Addrs: []string{"a.test", "[::1]:3"}, MasterName: "main", DatabaseID: 3}, "redis+sentinel://a.test:26379,[::1]:3/main/3"},
		{session.Config{Host: "a.test", MasterName: "main", SSL: true}, "rediss+sentinel://a.test:26379/main/0"},
		{session.Config{URL: " \n"}, "redis://127.0.0.1:6379/0"},
		{session.Config{Port: -1}, "(invalid)"},
	} {
		if got := c.config.String(); got != c.want {
			t.Errorf("%#v is %s, want %s", c.config, got, c.want)
		}
		if err := tryOpen(t, c.config); (err == nil) != (c.want != "(invalid)") {
			t.Errorf("%s: %v", c.want, err)
		}
	}
}

func TestWrongConfigIsAllNamed(t *testing.T) {
	t.Parallel()
	const secret = "tellnobody"
	missing := filepath.Join(t.TempDir(), "missing.pem")
	for name, c := range map[string]struct {
		config session.Config
		want   []string // parts of the message
	}{
		"values": {session.Config{
			Host: "a b", Port: 70000, DatabaseID: -1, ConnectionTimeout: -1, OperationTimeout: 5,
			Username: "ann", SentinelUsername: "bob", SentinelPassword: secret, CACert: missing, ClientCert: missing,
		}, []string{
			`Host is "a b"`, "Port is 70000", "DatabaseID is -1", "ConnectionTimeout is -1ns", "OperationTimeout is 5ns", "at least 1ms",
			"Username is set without AccessKey", "SentinelPassword is set without MasterName",
			"CACert is set, but SSL is not", "CACert is neither PEM text nor the name of a file", "ClientCert is neither PEM text", "ClientCert is set without ClientKey",
		}},
		"host and addrs":     {session.Config{Host: "a.test", Addrs: []string{"b.test", "c.test:x"}}, []string{"Host and Addrs are both set", `Addrs[1] is "c.test:x"`, "Addrs names 2 servers"}},
		"several and a port": {session.Config{Addrs: []string{"a.test:0", "b.test"}, Cluster: true}, []string{`Addrs[0] is "a.test:0"`}},
		"sentinel cluster":   {session.Config{MasterName: "main", Cluster: true, DatabaseID: 1}, []string{"MasterName and Cluster are both set", "DatabaseID is 1: a cluster has only database 0"}},
		"sentinel user":      {session.Config{MasterName: "main", SentinelUsername: "bob"}, []string{"SentinelUsername is set without SentinelPassword"}},
		"socket": {
			session.Config{Socket: "/s", Host: "a.test", Port: 1, Addrs: []string{"b.test"}, MasterName: "main", Cluster: true, SSL: true},
			[]string{"Socket and Host are", "Socket and Port are", "Socket and Addrs are", "Socket goes with none of MasterName, Cluster and SSL"},
		},
		"TLS without SSL": {
			session.Config{ServerName: "redis.test", ClientKey: secret},
			[]string{"ServerName is set, but SSL is not", "ClientKey is set, but SSL is not", "ClientKey is set without ClientCert"},
		},
		"not PEM": {
			session.Config{SSL: true, CACert: "-----BEGIN NOTHING-----", ClientCert: "-----BEGIN NOTHING-----", ClientKey: "-----BEGIN NOTHING-----" + secret},
			[]string{"CACert has no certificate", "ClientCert and ClientKey are not a certificate and its key"},
		},
		"a key that is no file": {
			session.Config{SSL: true, ClientCert: "-----BEGIN NOTHING-----", ClientKey: secret},
			[]string{"ClientKey is neither PEM text nor the name of a file"},
		},
		"a URL as host":   {session.Config{Host: "redis://:" + secret + "@a.test"}, []string{"Host is a URL"}},
		"a string as one": {session.Config{Addrs: []string{"a.test,password=" + secret}}, []string{"Addrs[0] is a URL"}},
		"URL and fields": {
			session.Config{
				URL: "rediss+sentinel://u:p@a.test/main/1?connection_timeout=1s&operation_timeout=2s&sentinel_username=v&sentinel_password=q", Host: "b.test", Port: 1,
				Addrs: []string{"c.test"}, Socket: "/s", Username: "w", AccessKey: secret, DatabaseID: 2, MasterName: "other", Cluster: true,
				SentinelUsername: "x", SentinelPassword: secret, ConnectionTimeout: time.Minute, OperationTimeout: time.Minute,
			},
			[]string{
				"URL and Host are", "URL and Port are", "URL and Addrs are", "URL and Socket are", "Username is set to something else than URL", "AccessKey is set to",
				"DatabaseID is set to", "MasterName is set to", "Cluster is set to", "SentinelUsername is set to", "SentinelPassword is set to",
				"ConnectionTimeout is set to", "OperationTimeout is set to",
			},
		},
		"URL without TLS": {session.Config{URL: "redis://a.test", SSL: true}, []string{"SSL is set to something else"}},
		"URL is wrong, and more": {
			session.Config{URL: "http://a.test", Host: "b.test", Port: -1, OperationTimeout: 1, SSL: true, CACert: missing},
			[]string{`URL has the scheme "http"`, "URL and Host are", "Port is -1", "OperationTimeout is 1ns", "CACert is neither"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := session.Open(c.config, session.Options{App: "a{b", MaxBytes: -1})
			if err == nil {
				t.Fatal("taken")
			}
			for _, part := range append(c.want, "session: invalid config:", "session: invalid options:", "App ", "MaxBytes ") {
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
	for _, c := range []session.Config{
		{URL: "redis://ann@a.test", AccessKey: "key"},
		{URL: "redis://a.test", Username: "ann", AccessKey: "key", DatabaseID: 3, ConnectionTimeout: time.Second},
		{URL: "rediss://a.test", SSL: true, ServerName: "b.test"},
		{URL: "redis://a.test", Cluster: true},
		{URL: "redis://a.test/2", DatabaseID: 2},
		{URL: "redis+cluster://a.test/0", Cluster: true},
		{URL: "a.test,b.test", MasterName: "main"},
		{URL: "a.test:6380,password=key,defaultDatabase=-1", SSL: true, DatabaseID: 4},
	} {
		if err := tryOpen(t, c); err != nil {
			t.Errorf("%s: %v", c.URL, err)
		}
	}
}

func TestConfigPrintsNoSecret(t *testing.T) {
	t.Parallel()
	const secret = "tellnobody"
	for _, c := range []session.Config{
		{AccessKey: secret, Username: secret},
		{SentinelPassword: secret, MasterName: "main"},
		{ClientKey: secret, SSL: true},
		{URL: "redis://" + secret + ":" + secret + "@a.test/2"},
		{URL: "redis+sentinel://a.test/main?sentinel_username=" + secret + "&sentinel_password=" + secret},
		{URL: "a.test,user=" + secret + ",password=" + secret},
		{URL: "redis://" + secret + "/@"},
		{Host: "redis://:" + secret + "@a.test"},
		{Port: -1, AccessKey: secret},
	} {
		holder := struct{ Config session.Config }{c}
		texts := []string{c.String()}
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
			texts = append(texts, fmt.Sprintf(verb, c), fmt.Sprintf(verb, &c), fmt.Sprintf(verb, holder))
		}
		text, err := json.Marshal(holder)
		if err != nil {
			t.Fatal(err)
		}
		for _, text := range append(texts, string(text)) {
			if strings.Contains(text, secret) || strings.Contains(text, fmt.Sprintf("%x", secret)) {
				t.Errorf("prints a secret: %s", text)
			}
		}
	}
}

// Every field of what a loader fills has tags for environment variables, JSON and
// YAML, or is marked as one that has none.
func TestEveryFieldIsTagged(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../../docs/configuration.md")
	if err != nil {
		t.Fatal(err)
	}
	variables := map[string]bool{}
	for _, c := range []struct {
		of     reflect.Type
		prefix string
	}{
		{reflect.TypeFor[session.Config](), "REDIS_"},
		{reflect.TypeFor[session.Options](), "SESSION_"},
		{reflect.TypeFor[session.Cookie](), "SESSION_COOKIE_"},
	} {
		for field := range c.of.Fields() {
			name, tag := c.of.Name()+"."+field.Name, field.Tag
			if tag.Get("json") == "-" {
				if tag.Get("yaml") != "-" || tag.Get("env") != "-" {
					t.Errorf("%s is for some loaders only: %s", name, tag)
				}
				switch field.Type.Kind() {
				case reflect.Interface, reflect.Pointer, reflect.Struct, reflect.Func:
				default:
					t.Errorf("%s is a %s, which a loader can fill", name, field.Type)
				}
				continue
			}
			// Loaders without such tags match names and ignore case.
			if !strings.EqualFold(tag.Get("json"), field.Name) {
				t.Errorf("%s is %q in JSON: it must be its name, whatever the case", name, tag.Get("json"))
			}
			if tag.Get("yaml") != tag.Get("json") {
				t.Errorf("%s is %q in YAML and %q in JSON", name, tag.Get("yaml"), tag.Get("json"))
			}
			variable := tag.Get("env")
			if field.Type == reflect.TypeFor[session.Cookie]() {
				continue
			}
			if !strings.HasPrefix(variable, c.prefix) || variables[variable] {
				t.Errorf("%s has the variable %q: it must start with %s, and be no other's", name, variable, c.prefix)
			}
			variables[variable] = true
			if !strings.Contains(string(page), "`"+variable+"`") {
				t.Errorf("docs/configuration.md does not have %s, the variable of %s", variable, name)
			}
		}
	}
}

func TestEncryptionKeyFromText(t *testing.T) {
	t.Parallel()
	raw := []byte("0123456789abcdef\xff\xfe\xfd?")[:16]
	for _, text := range []string{
		base64.StdEncoding.EncodeToString(raw), base64.RawStdEncoding.EncodeToString(raw), " " + base64.StdEncoding.EncodeToString(raw) + "\n",
	} {
		var key session.EncryptionKey
		if err := key.UnmarshalText([]byte(text)); err != nil || string(key) != string(raw) {
			t.Errorf("%q: %x, %v", text, []byte(key), err)
		}
	}
	key := session.EncryptionKey("as it was")
	for _, text := range []string{"tell*nobody", "(encryption key)", "dGVsbG5vYm9keQ==="[:5]} {
		err := key.UnmarshalText([]byte(text))
		if err == nil || strings.Contains(err.Error(), text) || string(key) != "as it was" {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func TestSecureFromText(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]session.Secure{
		"auto": session.SecureAuto, "Always": session.SecureAlways, "never": session.SecureNever,
	} {
		secure := session.Secure(9)
		if err := secure.UnmarshalText([]byte(text)); err != nil || secure != want {
			t.Errorf("%q: %d, %v", text, secure, err)
		}
	}
	var secure session.Secure
	if err := secure.UnmarshalText([]byte("true")); err == nil || !strings.Contains(err.Error(), `"true": it must be auto, always or never`) {
		t.Errorf("true: %v", err)
	}
}
