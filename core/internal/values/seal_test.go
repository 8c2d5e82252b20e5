package values_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/berthgo/berth/core/internal/values"
)

func sealer(t *testing.T, app string, keys ...byte) *values.Sealer {
	t.Helper()
	all := make([][]byte, len(keys))
	for i, key := range keys {
		all[i] = bytes.Repeat([]byte{key}, 32)
	}
	s, err := values.NewSealer(app, all)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// A sealed value opens where it was put, with the same App, and nowhere else.
func TestSealedValuesStayInPlace(t *testing.T) {
	t.Parallel()
	coding := &values.Coding{Codec: codecs["json"], Sealer: sealer(t, "shop", 1)}
	r := newStored(coding)
	r.save(t, "a", "visible", "b", "other")
	for key, v := range r.fields {
		if strings.Contains(v, "visible") || strings.Contains(v, "other") {
			t.Errorf("%s is readable", key)
		}
	}
	sealed := r.fields["a"]
	open := func(coding *values.Coding, handle, key, raw string) error {
		vs := coding.Load(handle, map[string]string{key: raw})
		_, err := values.Get[string](&vs, key)
		return err
	}
	if err := open(coding, handle, "a", sealed); err != nil {
		t.Errorf("where it belongs: %v", err)
	}
	for name, err := range map[string]error{
		"another key":     open(coding, handle, "b", sealed),
		"another session": open(coding, strings.Repeat("b", 26), "a", sealed),
		"another App":     open(&values.Coding{Codec: codecs["json"], Sealer: sealer(t, "back", 1)}, handle, "a", sealed),
		"other keys":      open(&values.Coding{Codec: codecs["json"], Sealer: sealer(t, "shop", 2)}, handle, "a", sealed),
		"no keys":         open(&values.Coding{Codec: codecs["json"]}, handle, "a", sealed),
		"cut short":       open(coding, handle, "a", sealed[:20]),
		"longer":          open(coding, handle, "a", sealed+"x"),
		"empty":           open(coding, handle, "a", ""),
		"not sealed":      open(coding, handle, "a", `"visible"`),
	} {
		var failed *values.Error
		if !errors.As(err, &failed) || failed.Op != "decrypt" || strings.Contains(err.Error(), "visible") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := open(&values.Coding{Codec: codecs["json"], Sealer: sealer(t, "shop", 2, 1)}, handle, "a", sealed); err != nil {
		t.Errorf("an older key: %v", err)
	}
}

// A MAC proves each of the facts.
func TestMACProvesEachFact(t *testing.T) {
	t.Parallel()
	facts := values.Facts{Handle: handle, Proof: "p", Principal: "ann lee", Authenticated: time.UnixMilli(5)}
	s := sealer(t, "shop", 1)
	mac := s.MAC(facts)
	if !s.Verify(mac, facts) || !sealer(t, "shop", 2, 1).Verify(mac, facts) {
		t.Error("true facts do not pass")
	}
	change := func(f func(*values.Facts)) values.Facts {
		changed := facts
		f(&changed)
		return changed
	}
	for name, changed := range map[string]values.Facts{
		"handle":        change(func(f *values.Facts) { f.Handle = strings.Repeat("b", 26) }),
		"proof":         change(func(f *values.Facts) { f.Proof = "q" }),
		"principal":     change(func(f *values.Facts) { f.Principal = "bob" }),
		"none":          change(func(f *values.Facts) { f.Principal = "" }),
		"authenticated": change(func(f *values.Facts) { f.Authenticated = time.UnixMilli(6) }),
		"never":         change(func(f *values.Facts) { f.Authenticated = time.Time{} }),
	} {
		if s.Verify(mac, changed) {
			t.Errorf("%s: a changed fact passes", name)
		}
	}
	for name, other := range map[string]*values.Sealer{"other keys": sealer(t, "shop", 2), "another App": sealer(t, "back", 1)} {
		if other.Verify(mac, facts) {
			t.Errorf("%s: passes", name)
		}
	}
	if s.Verify("", facts) {
		t.Error("no MAC passes")
	}
	if none := (*values.Sealer)(nil); !none.Verify("", facts) {
		t.Error("without keys there is nothing to prove")
	}
}
