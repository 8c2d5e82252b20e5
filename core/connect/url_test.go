package connect_test

import (
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/berthgo/berth/core/connect"
)

func TestURL(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		url  string
		want string
		says connect.Config // besides where Redis is
	}{
		{"redis://", "redis://127.0.0.1:6379/0", connect.Config{}},
		{"redis:///3", "redis://127.0.0.1:6379/3", connect.Config{DatabaseID: 3}},
		{"redis://a.test", "redis://a.test:6379/0", connect.Config{}},
		{" redis://a.test/ \n", "redis://a.test:6379/0", connect.Config{}},
		{"Redis://a.test:1/2", "redis://a.test:1/2", connect.Config{DatabaseID: 2}},
		{"rediss://a.test", "rediss://a.test:6379/0", connect.Config{SSL: true}},
		{"redis://[::1]:1", "redis://[::1]:1/0", connect.Config{}},
		{"redis://[::1]", "redis://[::1]:6379/0", connect.Config{}},
		{"redis://:key@a.test?db=4", "redis://a.test:6379/4", connect.Config{AccessKey: "key", DatabaseID: 4}},
		{"redis://ann:key@a.test", "redis://a.test:6379/0", connect.Config{Username: "ann", AccessKey: "key"}},
		{"redis://a%40b:k%2Fe%3Fy%23%25%3A%2C@a.test", "redis://a.test:6379/0", connect.Config{Username: "a@b", AccessKey: "k/e?y#%:,"}},
		{"redis://ann:k:e@y@a.test", "redis://a.test:6379/0", connect.Config{Username: "ann", AccessKey: "k:e@y"}},
		{
			"redis://a.test?connection_timeout=1500ms&operation_timeout=2s", "redis://a.test:6379/0",
			connect.Config{ConnectionTimeout: 1500 * time.Millisecond, OperationTimeout: 2 * time.Second},
		},
		{"unix:///run/redis.sock", "unix:///run/redis.sock?db=0", connect.Config{}},
		{"unix://ann:key@/run/a%20b.sock?db=2", "unix:///run/a b.sock?db=2", connect.Config{Username: "ann", AccessKey: "key", DatabaseID: 2}},
		{"redis+cluster://a.test", "redis+cluster://a.test:6379", connect.Config{Cluster: true}},
		{"rediss+cluster://:key@a.test:1,b.test", "rediss+cluster://a.test:1,b.test:6379", connect.Config{Cluster: true, SSL: true, AccessKey: "key"}},
		{"redis+sentinel://a.test/main", "redis+sentinel://a.test:26379/main/0", connect.Config{MasterName: "main"}},
		{
			"rediss+sentinel://ann:key@a.test:1,[::1]/my%20main/2?sentinel_username=bob&sentinel_password=k%40y",
			"rediss+sentinel://a.test:1,[::1]:26379/my%20main/2",
			connect.Config{
				SSL: true, MasterName: "my main", Username: "ann", AccessKey: "key", DatabaseID: 2,
				SentinelUsername: "bob", SentinelPassword: "k@y",
			},
		},
	} {
		checkLocation(t, c.url, c.want, c.says)
	}
}

// checkLocation checks what a URL says. Fields that say the same may stand beside it,
// fields that say something else may not.
func checkLocation(t *testing.T, location, where string, says connect.Config) {
	t.Helper()
	says.URL = location
	if got := says.String(); got != where {
		t.Errorf("%s is %s, want %s", location, got, where)
	}
	if err := tryClient(t, says); err != nil {
		t.Errorf("%s does not say %+v: %v", location, says, err)
	}
	for name, differ := range map[string]func(*connect.Config){
		"Username":          func(c *connect.Config) { c.Username += "x" },
		"AccessKey":         func(c *connect.Config) { c.AccessKey += "x" },
		"SentinelUsername":  func(c *connect.Config) { c.SentinelUsername += "x" },
		"SentinelPassword":  func(c *connect.Config) { c.SentinelPassword += "x" },
		"MasterName":        func(c *connect.Config) { c.MasterName += "x" },
		"ServerName":        func(c *connect.Config) { c.ServerName += "x" },
		"DatabaseID":        func(c *connect.Config) { c.DatabaseID++ },
		"ConnectionTimeout": func(c *connect.Config) { c.ConnectionTimeout++ },
		"OperationTimeout":  func(c *connect.Config) { c.OperationTimeout++ },
	} {
		other := says
		differ(&other)
		conflict := name + " is set, but URL says something else"
		err := tryClient(t, other)
		said := !reflect.ValueOf(says).FieldByName(name).IsZero()
		if got := err != nil && strings.Contains(err.Error(), conflict); got != said {
			t.Errorf("%s: says %s: %t, want %t: %v", location, name, got, said, err)
		}
	}
}

// Every sign can be in a password, and those that the docs do not list need no
// percent-encoding.
func TestPasswordsInURL(t *testing.T) {
	t.Parallel()
	escape := strings.NewReplacer("/", "%2F", "?", "%3F", "#", "%23", "@", "%40", ":", "%3A", "%", "%25", "&", "%26", " ", "%20")
	var passwords []string
	for sign := '!'; sign <= '~'; sign++ {
		s := string(sign)
		passwords = append(passwords, s, s+"a", "a"+s+s+"b=c", "a"+s)
	}
	for _, password := range append(passwords, " a b ", "é+ü") {
		for location, says := range map[string]connect.Config{
			"redis://:%s@a.test":                                {AccessKey: password},
			"redis://%s:%[1]s@a.test":                           {Username: password, AccessKey: password},
			"redis+sentinel://a.test/main?sentinel_password=%s": {SentinelPassword: password},
			"redis+sentinel://a.test/main?sentinel_username=%s&sentinel_password=%[1]s&db=0": {
				SentinelUsername: password, SentinelPassword: password,
			},
		} {
			says.URL = fmt.Sprintf(location, escape.Replace(password))
			if err := tryClient(t, says); err != nil {
				t.Errorf("%s does not say %q: %v", says.URL, password, err)
			}
			says.AccessKey += "x"
			says.SentinelPassword += "x"
			if err := tryClient(t, says); err == nil {
				t.Errorf("%s does not say a password", says.URL)
			}
		}
	}
}

func TestWrongURL(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		url  string
		want []string
	}{
		{"http://a.test", []string{`URL has the scheme "http": it must be redis, rediss`}},
		{"redis://a.test:0", []string{"server 1", "1 to 65535"}},
		{"redis://a.test:x/y", []string{"server 1", "wrong database after its hosts: it must be a number"}},
		{"redis://a b", []string{"server 1"}},
		{"redis://a.test,b.test", []string{"URL names 2 servers: write redis+sentinel://"}},
		{"redis://a.test/1/2", []string{"wrong database after its hosts"}},
		{"redis://a.test/-1", []string{"wrong database after its hosts"}},
		{"redis://a.test/1?db=1", []string{"names a database twice"}},
		{"redis://a.test?db=x", []string{"wrong database in the parameter db"}},
		{"redis://a.test?db=1&db=2", []string{"db more than once"}},
		{"redis://a.test?pool_size=5&read_timeout=1s", []string{`unknown parameter "pool_size": the known parameters are db, connection_timeout, operation_timeout`, `"read_timeout"`}},
		{"redis://a.test?sentinel_password=x", []string{`"sentinel_password"`}},
		{"redis://a.test?connection_timeout=5&operation_timeout=0s", []string{`connection_timeout "5"`, `operation_timeout "0s"`, "such as 5s or 500ms"}},
		{"redis://a.test?a=%zz", []string{"a % without two hexadecimal digits after it in its parameters"}},
		{"redis://a.test?%zz=a", []string{"a % without two hexadecimal digits after it in its parameters"}},
		{"redis://a.test?db=1&", []string{"an & without a parameter", "as %26"}},
		{"redis+sentinel://a.test/main?sentinel_password=a&b&db=x", []string{"an unknown parameter, not shown", "& as %26; the known parameters are db,", "in the parameter db"}},
		{"redis+sentinel://a.test/main?sentinel_password=a&", []string{"an & without a parameter"}},
		{"redis+sentinel://a.test/main?sentinel_password=a&&db=1", []string{"an & without a parameter"}},
		{"redis+sentinel://a.test/main?sentinel_password=a&connection_timeout=b", []string{"connection_timeout (not shown): it must be a time"}},
		{"redis+sentinel://a.test/main?pool_size=1&sentinel_password=a", []string{`the unknown parameter "pool_size"`}},
		{"redis+sentinel://a.test/main?sentinel_password=a#", []string{"has a #"}},
		{"redis://a.test#1", []string{"has a #"}},
		{"redis://ann:50%@a.test", []string{"in its user or password: write % as %25"}},
		{"redis://:a/b@a.test", []string{"@ after a / ? or #"}},
		{"redis://ann@a.test", []string{"Username is set without AccessKey"}},
		{"unix://", []string{"no path of a socket"}},
		{"unix:///", []string{"no path of a socket"}},
		{"unix://a.test/s", []string{"URL has a host"}},
		{"redis+cluster://", []string{"URL has no host"}},
		{"redis+cluster://a.test,,b.test", []string{"server 2"}},
		{"redis+cluster://a.test/1", []string{"a cluster has only database 0"}},
		{"redis+cluster://a.test/main/1", []string{"wrong database after its hosts"}},
		{"redis+sentinel:///main", []string{"URL has no host"}},
		{"redis+sentinel://a.test", []string{"no name of the master"}},
		{"redis+sentinel://a.test/main/x", []string{"wrong database after its hosts"}},
		{"redis+sentinel://a.test/main?sentinel_username=bob", []string{"SentinelUsername is set without SentinelPassword"}},
	} {
		checkWrong(t, c.url, c.want)
	}
}

func checkWrong(t *testing.T, location string, want []string) {
	t.Helper()
	err := tryClient(t, connect.Config{URL: location})
	if err == nil {
		t.Errorf("%s was taken", location)
		return
	}
	for _, part := range want {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("%s: %q is not in:\n%v", location, part, err)
		}
	}
}
