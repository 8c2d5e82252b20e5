package redistest

import (
	"strconv"
	"strings"
	"testing"
)

func TestACL(t *testing.T) {
	t.Parallel()
	s := setup(t, Options{
		Password: "root",
		ACL: []string{
			"user berth on >s3cret ~shop* &shop* -@all +get +set +evalsha +publish",
			"user nobody off",
		},
	})
	ctx := t.Context()
	root := dial(t, s.URL(), nil)
	mustSet(t, root, "other") // the default user is as it was

	berth := dial(t, s.URLFor("berth", "s3cret"), nil)
	mustSet(t, berth, "shop:1")
	if err := berth.Publish(ctx, "shop:1", "m").Err(); err != nil {
		t.Error(err)
	}
	forbidden := map[string]error{
		"another key":     berth.Get(ctx, "other").Err(),
		"another command": berth.Del(ctx, "shop:1").Err(),
		"CONFIG":          berth.ConfigGet(ctx, "maxmemory").Err(),
	}
	if versionOf(s.opts.Path).atLeast(6, 2) {
		forbidden["another channel"] = berth.Publish(ctx, "other", "m").Err()
	}
	for name, err := range forbidden {
		if err == nil || !strings.HasPrefix(err.Error(), "NOPERM") {
			t.Errorf("%s: %v, want NOPERM", name, err)
		}
	}
	for name, url := range map[string]string{
		"a user that is off": s.URLFor("nobody", "x"),
		"a wrong password":   s.URLFor("berth", "secret"),
	} {
		if err := dial(t, url, nil).Ping(ctx).Err(); err == nil || !strings.HasPrefix(err.Error(), "WRONGPASS") {
			t.Errorf("%s: %v, want WRONGPASS", name, err)
		}
	}
}

// The default user may be off, and users outlive a restart.
func TestACLWithoutDefaultUser(t *testing.T) {
	t.Parallel()
	s := setup(t, Options{ACL: []string{"user default off", "user berth on nopass ~* +@all"}})
	if err := s.Restart(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := dial(t, s.URL(), nil).Ping(t.Context()).Err(); err == nil || !strings.HasPrefix(err.Error(), "NOAUTH") {
		t.Errorf("the default user: %v, want NOAUTH", err)
	}
	mustPing(t, dial(t, s.URLFor("berth", "any"), nil))
}

func TestMalformedACL(t *testing.T) {
	t.Parallel()
	NeedServer(t)
	for _, line := range []string{"", "user", "berth on >secret", "user redistest on >secret"} {
		_, err := Start(t.Context(), Options{ACL: []string{line}})
		if err == nil || !strings.Contains(err.Error(), "ACL") || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: %v, want an error without the password", strconv.Quote(line), err)
		}
	}
	_, err := Start(t.Context(), Options{ACL: []string{"user berth +nosuchcommand"}})
	if err == nil || !strings.Contains(err.Error(), "nosuchcommand") {
		t.Errorf("got %v, want what the server said", err)
	}
}
