package store_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/berthgo/berth/core/internal/store"
)

func TestMetaComesBack(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		m := store.Meta{
			Timeout:   time.Duration(rapid.Int64Range(1, 1<<40).Draw(t, "timeout")) * time.Millisecond,
			Created:   time.UnixMilli(rapid.Int64Range(0, 1<<42).Draw(t, "created")),
			Commit:    rapid.StringMatching(`[a-z0-9]{26}`).Draw(t, "commit"),
			Principal: rapid.String().Draw(t, "principal"),
		}
		for _, when := range []*time.Time{&m.Extras.CookieSent, &m.Extras.Listed} {
			if s := rapid.Int64Range(0, 1<<33).Draw(t, "time"); s != 0 {
				*when = time.Unix(s, 0)
			}
		}
		if ms := rapid.Int64Range(0, 1<<42).Draw(t, "authenticated"); ms != 0 {
			m.Extras.Authenticated = time.UnixMilli(ms)
		}
		m.Extras.Companion = rapid.Bool().Draw(t, "companion")
		m.Extras.Retention = time.Duration(rapid.Int64Range(0, 1<<40).Draw(t, "retention")) * time.Millisecond
		got, err := store.ParseMeta(m.String())
		if err != nil || got != m {
			t.Fatalf("%+v came back as %+v (%v)", m, got, err)
		}
	})
}

func FuzzParseMeta(f *testing.F) {
	f.Add("2 60000 1700000000000 - tokentokentokentokentoken0 ann")
	f.Add("2 60000 1700000000000 a1700000000000s1700000000l1700000000c1r600000 tokentokentokentokentoken0 ann")
	f.Add("2 retired tokentokentokentokentoken0 abandoned -")
	f.Add("1 60000 1700000000000 - t p")
	f.Fuzz(func(t *testing.T, s string) {
		m, err := store.ParseMeta(s)
		if err != nil {
			if !errors.Is(err, store.ErrFormat) {
				t.Errorf("error is %v", err)
			}
			return
		}
		if again, err := store.ParseMeta(m.String()); err != nil || again != m {
			t.Errorf("%q read, written and read is %+v, not %+v (%v)", s, again, m, err)
		}
	})
}

func TestTokens(t *testing.T) {
	t.Parallel()
	a, b := store.NewProcess(), store.NewProcess()
	if a.Name() == b.Name() || len(a.Name()) != 16 {
		t.Errorf("two processes are named %s and %s", a.Name(), b.Name())
	}
	seen := map[string]bool{}
	for range 1000 {
		token := a.Token()
		if len(token) != 28 || seen[token] || !strings.HasPrefix(token, a.Name()) {
			t.Fatalf("the token %q", token)
		}
		seen[token] = true
		if made := store.MadeAt(token); time.Since(made) < 0 || time.Since(made) > time.Minute {
			t.Fatalf("made at %v", made)
		}
	}
}

func TestKeys(t *testing.T) {
	t.Parallel()
	k, err := store.NewKeys("shop", "_")
	if err != nil {
		t.Fatal(err)
	}
	for got, want := range map[string]string{
		k.Data("S"): "{shop_S}_Data", k.Lock("S"): "{shop_S}_Lock", k.Waiters("S"): "{shop_S}_Waiters", k.Channel("P"): "shop_Wake_P",
		k.ShardChannel("S", "P"): "{shop_S}_Wake:P", k.Alive("S"): "{shop_S}_Timeout", k.Ended("S"): "{shop_S}_Ended", k.Claim("S"): "{shop_S}_Claim",
		k.Rotated("S"): "{shop_S}_Rotated", k.Merged("S"): "{shop_S}_Merged", store.Companion("S"): "S", store.CompanionProof("S"): "{S}_Proof",
		k.Principal("P"): "{shop_Principal_P}", k.Ends(7): "{shop_Ends_07}", k.Aside(7): "{shop_Ends_07}_Aside",
	} {
		if got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
	for _, bad := range []string{"", "a b", "a{", "a}", "a*", "a?", "[a", "a\n", "a\x7f", `a\`, "a^"} {
		if _, err := store.NewKeys(bad, "_"); err == nil {
			t.Errorf("the application %q was taken", bad)
		}
		if _, err := store.NewKeys("a", bad); err == nil {
			t.Errorf("the separator %q was taken", bad)
		}
	}
	// The keys of such an application would include the indexes of "shop".
	for _, c := range []struct {
		app, separator string
		taken          bool
	}{
		{"shop_Principal", "_", false},
		{"shop_Principal_x", "_", false},
		{"shop_Ends", "_", false},
		{"shop::Ends", "::", false},
		{"shop_Ends", "::", true},
		{"shop_Principals", "_", true},
		{"Principal", "_", true},
	} {
		if _, err := store.NewKeys(c.app, c.separator); (err == nil) != c.taken {
			t.Errorf("the application %q with the separator %q: %v", c.app, c.separator, err)
		}
	}
}

// Request returns the same keys as Data, Lock and Waiters.
func TestKeysOfARequest(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		name := rapid.StringMatching(`[a-zA-Z0-9_:.-]{1,20}`)
		k, err := store.NewKeys(name.Draw(t, "app"), name.Draw(t, "separator"))
		if err != nil {
			t.Fatal(err)
		}
		id := name.Draw(t, "id")
		want := []any{k.Data(id), k.Lock(id), k.Waiters(id)}
		if got := k.Request(id); !slices.Equal(got, want) {
			t.Fatalf("%q, want %q", got, want)
		}
	})
}
