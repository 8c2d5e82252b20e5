package session_test

import (
	"encoding/base64"
	"os"
	"reflect"
	"strings"
	"testing"

	"github.com/berthgo/berth/core/session"
)

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
