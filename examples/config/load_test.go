package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/goccy/go-yaml"

	"github.com/berthgo/berth/core/session"
)

// sample is one value of a field in three forms: in a file, in a variable, and in the program.
type sample struct {
	file     any
	variable string
	want     any
}

const keys = "MDEyMzQ1Njc4OWFiY2RlZg==,ZmVkY2JhOTg3NjU0MzIxMA=="

func sampleOf(t *testing.T, field reflect.StructField) sample {
	switch field.Type {
	case reflect.TypeFor[time.Duration]():
		return sample{"1h2m", "1h2m", time.Hour + 2*time.Minute}
	case reflect.TypeFor[session.SameSite]():
		return sample{"strict", "strict", session.SameSiteStrict}
	case reflect.TypeFor[session.Secure]():
		return sample{"never", "never", session.SecureNever}
	case reflect.TypeFor[[]string]():
		return sample{[]string{"a.test", "b.test:1"}, "a.test,b.test:1", []string{"a.test", "b.test:1"}}
	case reflect.TypeFor[[]session.EncryptionKey]():
		return sample{strings.Split(keys, ","), keys, []session.EncryptionKey{[]byte("0123456789abcdef"), []byte("fedcba9876543210")}}
	}
	switch field.Type.Kind() {
	case reflect.String:
		return sample{"of " + field.Name, "of " + field.Name, "of " + field.Name}
	case reflect.Int:
		return sample{9, "9", 9}
	case reflect.Bool:
		return sample{true, "true", true}
	}
	t.Fatalf("there is no sample of %s, which is a %s: add one, and see that loaders can fill it", field.Name, field.Type)
	return sample{}
}

// fill puts samples into a struct of type T, into the content of a file, and into variables.
func fill(t *testing.T, into reflect.Value, file map[string]any, variables map[string]string) {
	for field, value := range into.Fields() {
		name := field.Tag.Get("json")
		switch {
		case name == "-":
		case field.Type == reflect.TypeFor[session.Cookie]():
			cookie := map[string]any{}
			file[name] = cookie
			fill(t, value, cookie, variables)
		default:
			s := sampleOf(t, field)
			file[name], variables[field.Tag.Get("env")] = s.file, s.variable
			value.Set(reflect.ValueOf(s.want))
		}
	}
}

// Files of both kinds, and variables, fill every field of Config and Options that a loader can fill.
func TestEveryFieldIsLoaded(t *testing.T) {
	t.Parallel()
	want := settings{Listen: "127.0.0.1:8080"}
	redis, options, variables := map[string]any{}, map[string]any{}, map[string]string{}
	fill(t, reflect.ValueOf(&want.Redis).Elem(), redis, variables)
	fill(t, reflect.ValueOf(&want.Session).Elem(), options, variables)
	content := map[string]any{"redis": redis, "session": options}

	asJSON, err := json.Marshal(content)
	if err != nil {
		t.Fatal(err)
	}
	asYAML, err := yaml.Marshal(content)
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		files       []string
		environment map[string]string
	}{
		"JSON":        {files: []string{write(t, "all.json", string(asJSON))}},
		"YAML":        {files: []string{write(t, "all.yaml", string(asYAML))}},
		"environment": {environment: variables},
	} {
		got, err := load(c.files, c.environment)
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if !reflect.DeepEqual(got, want) {
			compare(t, name, reflect.ValueOf(got), reflect.ValueOf(want))
		}
	}
}

// compare names the fields that differ. A Config that is printed as a whole hides its fields.
func compare(t *testing.T, path string, got, want reflect.Value) {
	for field, value := range got.Fields() {
		other := want.FieldByIndex(field.Index)
		switch {
		case field.Type.Kind() == reflect.Struct:
			compare(t, path+"."+field.Name, value, other)
		case field.Type.Kind() != reflect.Func && !reflect.DeepEqual(value.Interface(), other.Interface()):
			t.Errorf("%s.%s is %v, want %v", path, field.Name, value, other)
		}
	}
}

// Loaders that go by the yaml tags fill every field too.
func TestYAMLTags(t *testing.T) {
	t.Parallel()
	type tagged struct {
		Redis   session.Config  `yaml:"redis"`
		Session session.Options `yaml:"session"`
	}
	var want, got tagged
	redis, options := map[string]any{}, map[string]any{}
	fill(t, reflect.ValueOf(&want.Redis).Elem(), redis, map[string]string{})
	fill(t, reflect.ValueOf(&want.Session).Elem(), options, map[string]string{})
	text, err := yaml.Marshal(map[string]any{"redis": redis, "session": options})
	if err != nil {
		t.Fatal(err)
	}
	if err := yaml.UnmarshalWithOptions(text, &got, yaml.Strict()); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(got, want) {
		compare(t, "YAML", reflect.ValueOf(got), reflect.ValueOf(want))
	}
}

func write(t *testing.T, name, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestShippedFiles(t *testing.T) {
	t.Parallel()
	fromYAML, err := load([]string{"config.yaml"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	fromJSON, err := load([]string{"config.json"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(fromYAML, fromJSON) {
		compare(t, "config.yaml", reflect.ValueOf(fromYAML), reflect.ValueOf(fromJSON))
	}
	m, err := session.Open(fromYAML.Redis, fromYAML.Session)
	if err != nil {
		t.Fatal(err)
	}
	_ = m.Close()
}

func TestLaterSettingsWin(t *testing.T) {
	t.Parallel()
	other := write(t, "other.yml", "redis: {port: 7}\nsession: {cookie: {path: /shop}}")
	s, err := load([]string{"config.yaml", other}, map[string]string{"REDIS_DATABASE_ID": "5", "SESSION_TIMEOUT": ""})
	if err != nil {
		t.Fatal(err)
	}
	if s.Redis.Port != 7 || s.Redis.Host != "127.0.0.1" || s.Redis.DatabaseID != 5 ||
		s.Session.Cookie.Path != "/shop" || s.Session.Cookie.Name != "visitor" || s.Session.Timeout != 30*time.Minute {
		t.Errorf("%v %+v", s.Redis, s.Session)
	}
}

// A URL in the environment wins over what a file says about where Redis is.
func TestURLWinsOverFile(t *testing.T) {
	t.Parallel()
	s, err := load([]string{"config.yaml"}, map[string]string{"REDIS_URL": "redis://redis.test/3"})
	if err != nil {
		t.Fatal(err)
	}
	m, err := session.Open(s.Redis, s.Session)
	if err != nil {
		t.Fatal(err)
	}
	if err := m.Close(); err != nil {
		t.Error(err)
	}
	if s.Redis.ConnectionTimeout != 5*time.Second || s.Redis.URL != "redis://redis.test/3" {
		t.Errorf("the settings are %v", s.Redis)
	}
}

func TestWrongSettings(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		file        string
		environment map[string]string
		want        string
	}{
		"misspelled":           {"redis: {prot: 6379}", nil, "prot"},
		"no unit":              {"session: {timeout: 30}", nil, "Timeout is 30ns"},
		"no duration":          {"session: {timeout: soon}", nil, "timeout"},
		"no number":            {"redis: {port: tcp}", nil, "port"},
		"key not quoted":       {"redis: {accessKey: 4711}", nil, "accessKey"},
		"no key":               {"session: {encryptionKeys: [4711*]}", nil, "base64"},
		"variable of no unit":  {"", map[string]string{"REDIS_CONNECTION_TIMEOUT": "5"}, "ConnectionTimeout"},
		"variable of no key":   {"", map[string]string{"SESSION_ENCRYPTION_KEYS": "4711*"}, "base64"},
		"a service's variable": {"", map[string]string{"REDIS_PORT": "tcp://10.0.0.1:6379"}, "Port"},
	} {
		err := run(t.Context(), []string{write(t, "config.yaml", c.file)}, c.environment)
		if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "4711") {
			t.Errorf("%s: the error must name %s, and no secret: %v", name, c.want, err)
		}
	}
	if err := run(t.Context(), []string{"main.go"}, nil); err == nil || !strings.Contains(err.Error(), "main.go is neither JSON nor YAML") {
		t.Error(err)
	}
}
