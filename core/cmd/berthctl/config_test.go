package main

import (
	"encoding/base64"
	"os"
	"reflect"
	"strings"
	"testing"
	"time"
)

func parse(env map[string]string, args ...string) (*program, []string, error) {
	var discard strings.Builder
	p := &program{out: &discard, err: &discard, env: func(name string) (string, bool) { v, there := env[name]; return v, there }}
	words, err := p.parse(args)
	return p, words, err
}

func TestConfig(t *testing.T) {
	t.Parallel()
	env := map[string]string{
		"REDIS_HOST": "elsewhere", "REDIS_ADDRS": "a:1,b:2", "REDIS_SSL": "true", "REDIS_ACCESS_KEY": "hidden", "SESSION_APP": "shop",
		"REDIS_OPERATION_TIMEOUT": "2s", "REDIS_SOCKET": "",
		"SESSION_ENCRYPTION_KEYS": base64.StdEncoding.EncodeToString([]byte("0123456789abcdef")),
	}
	p, words, err := parse(env, "of", "--host", "here", "-port=7", "--json", "--cluster", "--", "-ann")
	if err != nil || strings.Join(words, " ") != "of -ann" {
		t.Fatalf("words are %q (%v)", words, err)
	}
	c := p.settings.Config
	if c.Host != "here" || c.Port != 7 || !c.SSL || !c.Cluster || c.AccessKey != "hidden" || c.OperationTimeout != 2*time.Second || len(c.Addrs) != 2 || !p.json || p.yes {
		t.Errorf("Config is %+v, json %t", c, p.json)
	}
	if o := p.settings.Options; o.App != "shop" || len(o.EncryptionKeys) != 1 {
		t.Errorf("App is %q, and there are %d keys", o.App, len(o.EncryptionKeys))
	}
}

// After "--" nothing is a flag.
func TestNoFlags(t *testing.T) {
	t.Parallel()
	p, words, err := parse(map[string]string{"SESSION_APP": "shop"}, "--yes", "--", "end-all", "--json")
	if err != nil || strings.Join(words, " ") != "end-all --json" || p.json || !p.yes {
		t.Errorf("words are %q, json %t, yes %t (%v)", words, p.json, p.yes, err)
	}
}

// Every variable of the Config is read, and docs/berthctl.md has every flag.
func TestEveryFieldIsRead(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../../../docs/berthctl.md")
	if err != nil {
		t.Fatal(err)
	}
	var s settings
	byType := map[string]string{"string": "text", "[]string": "a,b", "bool": "true", "int": "7", "time.Duration": "3s", "[]session.EncryptionKey": base64.StdEncoding.EncodeToString(make([]byte, 32))}
	fields := s.fields()
	if len(fields) < 20 {
		t.Errorf("only %d fields", len(fields))
	}
	for _, f := range fields {
		if err := f.set(byType[f.value.Type().String()]); err != nil {
			t.Errorf("%s: %v", f.variable, err)
		}
		if reflect.ValueOf(f.value.Interface()).IsZero() {
			t.Errorf("%s is not set", f.variable)
		}
		name := f.variable
		if f.opt != "" {
			name = "--" + f.opt
		}
		want(t, string(page), "`"+name+"`")
	}
}

func TestWrongUsage(t *testing.T) {
	t.Parallel()
	c := &terminalOf{t: t, env: map[string]string{"SESSION_APP": "shop"}}
	for _, args := range [][]string{
		{},
		{"unknown"},
		{"ls", "x"},
		{"show"},
		{"show", ""},
		{"of", "a", "b"},
		{"show", "a.b"},
		{"--bogus", "ls"},
		{"--port", "x", "ls"},
		{"--db", "1", "ls"},
		{"--access-key", "hidden", "ls"},
		{"--app", "{x}", "ls"},
		{"--app", "{x}", "doctor"},
		{"--host", "a", "--url", "redis://b", "ls"},
	} {
		_, said := c.run(exitUsage, args...)
		want(t, said, "berthctl: ")
		wantNot(t, said, "hidden")
	}
	for variable, text := range map[string]string{"REDIS_PORT": "tcp://hidden", "REDIS_SSL": "hidden", "SESSION_ENCRYPTION_KEYS": "!hidden", "REDIS_OPERATION_TIMEOUT": "hidden", "SESSION_APP": ""} {
		c := &terminalOf{t: t, env: map[string]string{"SESSION_APP": "shop", variable: text}}
		_, said := c.run(exitUsage, "ls")
		want(t, said, variable)
		wantNot(t, said, "hidden")
	}
	_, said := c.run(exitDone, "-h")
	want(t, said, "end-all PRINCIPAL", "REDIS_ACCESS_KEY", "-master-name")
	wantNot(t, said, "-access-key", "-encryption-keys")
}
