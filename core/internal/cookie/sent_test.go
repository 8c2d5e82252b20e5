package cookie_test

import (
	"strings"
	"testing"

	"github.com/berthgo/berth/core/internal/cookie"
)

// A cookie counts under the name that the client gave it, whatever a server has made of the header.
// The tests of fibersession have fasthttp's own lines.
func TestAsSent(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ raw, lines, want string }{
		"as sent":             {"Cookie: a=1; s=2\r\n", "a=1; s=2", "a=1; s=2"},
		"written anew":        {"COOKIE: a=1; s=\"2\"\r\n", "a=1; s=2", "a=1| s=2"},
		"without a name":      {"Cookie: =s=2\r\n", "s=2", ""},
		"of both names":       {"Cookie: =s=2; s=2\r\n", "s=2; s=2", "s=2| s=2"},
		"of another header":   {"X-Cookie: s=2\r\n", "s=2", "s=2"},
		"put by a middleware": {"Cookie: s=secret\r\n", "s=2", "s=2"},
		"made by hand":        {"", "s=2", "s=2"},
	} {
		if got := strings.Join(cookie.AsSent([]byte(c.raw), [][]byte{[]byte(c.lines)}), "|"); got != c.want {
			t.Errorf("%s: the cookies are %q, want %q", name, got, c.want)
		}
	}
}
