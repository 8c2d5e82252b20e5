package session_test

import (
	"fmt"
	"net/url"
	"reflect"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/berthgo/berth/core/session"
)

func TestURL(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		url  string
		want string
		says session.Config // besides where Redis is
	}{
		{"redis://", "redis://127.0.0.1:6379/0", session.Config{}},
		{"redis:///3", "redis://127.0.0.1:6379/3", session.Config{DatabaseID: 3}},
		{"redis://a.test", "redis://a.test:6379/0", session.Config{}},
		{" redis://a.test/ \n", "redis://a.test:6379/0", session.Config{}},
		{"Redis://a.test:1/2", "redis://a.test:1/2", session.Config{DatabaseID: 2}},
		{"rediss://a.test", "rediss://a.test:6379/0", session.Config{SSL: true}},
		{"redis://[::1]:1", "redis://[::1]:1/0", session.Config{}},
		{"redis://[::1]", "redis://[::1]:6379/0", session.Config{}},
		{"redis://:key@a.test?db=4", "redis://a.test:6379/4", session.Config{AccessKey: "key", DatabaseID: 4}},
		{"redis://ann:key@a.test", "redis://a.test:6379/0", session.Config{Username: "ann", AccessKey: "key"}},
		{"redis://a%40b:k%2Fe%3Fy%23%25%3A%2C@a.test", "redis://a.test:6379/0", session.Config{Username: "a@b", AccessKey: "k/e?y#%:,"}},
		{"redis://ann:k:e@y@a.test", "redis://a.test:6379/0", session.Config{Username: "ann", AccessKey: "k:e@y"}},
		{
			"redis://a.test?connection_timeout=1500ms&operation_timeout=2s", "redis://a.test:6379/0",
			session.Config{ConnectionTimeout: 1500 * time.Millisecond, OperationTimeout: 2 * time.Second},
		},
		{"unix:///run/redis.sock", "unix:///run/redis.sock?db=0", session.Config{}},
		{"unix://ann:key@/run/a%20b.sock?db=2", "unix:///run/a b.sock?db=2", session.Config{Username: "ann", AccessKey: "key", DatabaseID: 2}},
		{"redis+cluster://a.test", "redis+cluster://a.test:6379", session.Config{Cluster: true}},
		{"rediss+cluster://:key@a.test:1,b.test", "rediss+cluster://a.test:1,b.test:6379", session.Config{Cluster: true, SSL: true, AccessKey: "key"}},
		{"redis+sentinel://a.test/main", "redis+sentinel://a.test:26379/main/0", session.Config{MasterName: "main"}},
		{
			"rediss+sentinel://ann:key@a.test:1,[::1]/my%20main/2?sentinel_username=bob&sentinel_password=k%40y",
			"rediss+sentinel://a.test:1,[::1]:26379/my%20main/2",
			session.Config{
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
func checkLocation(t *testing.T, location, where string, says session.Config) {
	t.Helper()
	says.URL = location
	if got := says.String(); got != where {
		t.Errorf("%s is %s, want %s", location, got, where)
	}
	if err := tryOpen(t, says); err != nil {
		t.Errorf("%s does not say %+v: %v", location, says, err)
	}
	for name, differ := range map[string]func(*session.Config){
		"Username":          func(c *session.Config) { c.Username += "x" },
		"AccessKey":         func(c *session.Config) { c.AccessKey += "x" },
		"SentinelUsername":  func(c *session.Config) { c.SentinelUsername += "x" },
		"SentinelPassword":  func(c *session.Config) { c.SentinelPassword += "x" },
		"MasterName":        func(c *session.Config) { c.MasterName += "x" },
		"ServerName":        func(c *session.Config) { c.ServerName += "x" },
		"DatabaseID":        func(c *session.Config) { c.DatabaseID++ },
		"ConnectionTimeout": func(c *session.Config) { c.ConnectionTimeout++ },
		"OperationTimeout":  func(c *session.Config) { c.OperationTimeout++ },
	} {
		other := says
		differ(&other)
		conflict := name + " is set to something else than URL says"
		err := tryOpen(t, other)
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
		for location, says := range map[string]session.Config{
			"redis://:%s@a.test":                                {AccessKey: password},
			"redis://%s:%[1]s@a.test":                           {Username: password, AccessKey: password},
			"redis+sentinel://a.test/main?sentinel_password=%s": {SentinelPassword: password},
			"redis+sentinel://a.test/main?sentinel_username=%s&sentinel_password=%[1]s&db=0": {
				SentinelUsername: password, SentinelPassword: password,
			},
		} {
			says.URL = fmt.Sprintf(location, escape.Replace(password))
			if err := tryOpen(t, says); err != nil {
				t.Errorf("%s does not say %q: %v", says.URL, password, err)
			}
			says.AccessKey += "x"
			says.SentinelPassword += "x"
			if err := tryOpen(t, says); err == nil {
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
		{"redis://a.test:x/y", []string{"server 1", "number of a database behind its hosts"}},
		{"redis://a b", []string{"server 1"}},
		{"redis://a.test,b.test", []string{"URL names 2 servers: write redis+sentinel://"}},
		{"redis://a.test/1/2", []string{"number of a database"}},
		{"redis://a.test/-1", []string{"number of a database"}},
		{"redis://a.test/1?db=1", []string{"names a database twice"}},
		{"redis://a.test?db=x", []string{"as db"}},
		{"redis://a.test?db=1&db=2", []string{"db more than once"}},
		{"redis://a.test?pool_size=5&read_timeout=1s", []string{`parameter "pool_size": known are db, connection_timeout, operation_timeout`, `"read_timeout"`}},
		{"redis://a.test?sentinel_password=x", []string{`"sentinel_password"`}},
		{"redis://a.test?connection_timeout=5&operation_timeout=0s", []string{`connection_timeout "5"`, `operation_timeout "0s"`, "such as 5s or 500ms"}},
		{"redis://a.test?a=%zz", []string{"parameters that are not percent-encoded"}},
		{"redis://a.test?%zz=a", []string{"parameters that are not percent-encoded"}},
		{"redis://a.test?db=1&", []string{"an & without a parameter", "as %26"}},
		{"redis+sentinel://a.test/main?sentinel_password=a&b&db=x", []string{"a parameter that is not known, and not shown", "as %26: known are db,", "as db"}},
		{"redis+sentinel://a.test/main?sentinel_password=a&", []string{"an & without a parameter"}},
		{"redis+sentinel://a.test/main?sentinel_password=a&&db=1", []string{"an & without a parameter"}},
		{"redis+sentinel://a.test/main?sentinel_password=a&connection_timeout=b", []string{"connection_timeout (not shown): it must be a time"}},
		{"redis+sentinel://a.test/main?pool_size=1&sentinel_password=a", []string{`the parameter "pool_size"`}},
		{"redis+sentinel://a.test/main?sentinel_password=a#", []string{"has a #"}},
		{"redis://a.test#1", []string{"has a #"}},
		{"redis://ann:50%@a.test", []string{"percent-encoded, as %25"}},
		{"redis://:a/b@a.test", []string{"@ behind a / ? or #"}},
		{"redis://ann@a.test", []string{"Username is set without AccessKey"}},
		{"unix://", []string{"no path of a socket"}},
		{"unix:///", []string{"no path of a socket"}},
		{"unix://a.test/s", []string{"URL has a host"}},
		{"redis+cluster://", []string{"URL has no host"}},
		{"redis+cluster://a.test,,b.test", []string{"server 2"}},
		{"redis+cluster://a.test/1", []string{"a cluster has only database 0"}},
		{"redis+cluster://a.test/main/1", []string{"number of a database"}},
		{"redis+sentinel:///main", []string{"URL has no host"}},
		{"redis+sentinel://a.test", []string{"no name of the master"}},
		{"redis+sentinel://a.test/main/x", []string{"number of a database"}},
		{"redis+sentinel://a.test/main?sentinel_username=bob", []string{"SentinelUsername is set without SentinelPassword"}},
	} {
		checkWrong(t, c.url, c.want)
	}
}

func checkWrong(t *testing.T, location string, want []string) {
	t.Helper()
	err := tryOpen(t, session.Config{URL: location})
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

// What is secret stays out of errors, also where it was not percent-encoded.
func TestWrongURLTellsNoSecret(t *testing.T) {
	t.Parallel()
	for _, password := range []string{"tellnobody", "/tellnobody", "a?tellnobody", "a#tellnobody", "@tellnobody", "%tellnobody", "a b:tellnobody", "a,tellnobody=1", "a/b:tellnobody/c", "\ntellnobody\x00"} {
		for _, form := range []string{
			"redis://:%s@", "redis://:%s@a.test:x/y?z", "redis://%s@a.test:0", "redis://ann:%s@a.test/x", "nothing://:%s@a.test", "redis//:%s@a.test",
			"redis:/:%s@a.test", "redis://a.test:%s", "redis://a.test,%s", "redis://a.test/1%s", "redis+sentinel://a.test/main/1%s",
			"redis+sentinel://a.test?sentinel_password=%s&db=x", "redis+cluster://ann:%s@,", "unix://:%s@a.test", "unix://:%s@",
			"ann:%s@a.test", "a.test:x,password=%s", "a.test,password=%s,ssl=x", "password=%s", "a.test,password=%s,b.test:x", ",=,password=%s,x=y", "a.test password=%s",
		} {
			location := fmt.Sprintf(form, password)
			err := tryOpen(t, session.Config{URL: location})
			if err != nil && strings.Contains(err.Error(), "tellnobody") {
				t.Errorf("%q: tells the password:\n%v", location, err)
			}
		}
	}
}

// Neither does a password show that falls apart into what looks like parameters or options.
func TestPasswordInPartsIsNotTold(t *testing.T) {
	t.Parallel()
	const secret = "tellnobody"
	forms := []string{
		"redis://ann:%s@a.test:1/2", "rediss://:%s@a.test", "redis://%s@a.test", "unix://ann:%s@/run/s?db=1",
		"redis+sentinel://ann:%s@a.test,b.test/main/1", "redis+cluster://ann:%s@a.test,b.test",
		"redis+sentinel://a.test/main?sentinel_password=%s", "redis+sentinel://a.test/main?sentinel_password=%s&db=1",
		"redis+sentinel://a.test/main?db=1&Sentinel%%5FPassword=%s", "redis://a.test?password=%s&db=1", "redis://a.test?pwd=%s",
		"a.test:1,password=%s,ssl=True", "a.test,password=%s", "a.test,ssl=true,password=%s,defaultDatabase=2", "password=%s,a.test:1",
		"a.test,user=ann,password=%s,connectTimeout=x", "a.test,accessKey=%s,ssl=x", "!,password=%s",
	}
	parts := []string{
		"a", "1", secret, ":", "@", "/", "?", "#", "%", "=", ",", "&", "://", " ", "[", "]", "!", "\x00", "%zz",
		"db=", "&db=", "&connection_timeout=", "&x=", ",ssl=", ",ssl=!", ",name=", ",x=", ",abortConnect=", ",syncTimeout=",
	}
	rapid.Check(t, func(t *rapid.T) {
		drawn := rapid.SliceOfN(rapid.SampledFrom(parts), 0, 5).Draw(t, "parts")
		password := strings.Join(drawn, "") + secret + rapid.SampledFrom(parts).Draw(t, "last")
		for _, form := range forms {
			tellsNot(t, fmt.Sprintf(form, password), secret)
		}
	})
}

func FuzzURL(f *testing.F) {
	for _, scheme := range []string{"redis", "rediss", "unix", "redis+sentinel", "redis+cluster", "x"} {
		f.Add(scheme, "ann", "", "", "a.test:1,b.test/main/2?db=3&connection_timeout=1s")
		f.Add(scheme, "", "a/", "%", "/run/redis.sock#f")
		f.Add(scheme, "ann", "a&", "=1", "a.test/main?sentinel_username=bob")
	}
	f.Fuzz(func(t *testing.T, scheme, user, before, behind, rest string) {
		const secret = "TELLNOBODY"
		if i := strings.IndexAny(scheme, ":,= "); i >= 0 {
			scheme = scheme[:i]
		}
		for _, password := range []string{before + secret + behind, url.QueryEscape(before + secret + behind)} {
			tellsNot(t, scheme+"://"+user+":"+password+"@"+rest, secret)
		}
		tellsNot(t, scheme+"://"+rest, secret)
		tellsNot(t, scheme+"://a.test/main?sentinel_password="+before+secret+behind+"&"+rest, secret)
	})
}

// tellsNot opens a location, which must not panic nor tell the secret.
func tellsNot(t rapid.TB, location, secret string) {
	t.Helper()
	c := session.Config{URL: location}
	text := fmt.Sprint(c)
	if err := tryOpen(t, c); err != nil {
		text += err.Error()
	}
	if strings.Contains(text, secret) {
		t.Errorf("%q: tells a secret: %s", location, text)
	}
}
