package connect_test

import (
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/berthgo/berth/core/connect"
)

func TestConfigPrintsNoSecret(t *testing.T) {
	t.Parallel()
	const secret = "tellnobody"
	for _, c := range []connect.Config{
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
		holder := struct{ Config connect.Config }{c}
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
			err := tryClient(t, connect.Config{URL: location})
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
		"a.test,user=ann,password=%s,connectTimeout=x", "a.test,serviceName=m,sentinelPassword=%s,ssl=x", "a.test,accessKey=%s,ssl=x", "!,password=%s",
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
	c := connect.Config{URL: location}
	text := fmt.Sprint(c)
	if err := tryClient(t, c); err != nil {
		text += err.Error()
	}
	if strings.Contains(text, secret) {
		t.Errorf("%q: tells a secret: %s", location, text)
	}
}
