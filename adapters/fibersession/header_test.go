package fibersession_test

import (
	"bufio"
	"strings"
	"testing"

	"github.com/valyala/fasthttp"

	"github.com/berthgo/berth/core/buffered"
)

func TestCookies(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		raw     string
		request func(h *fasthttp.RequestHeader)
		want    string
	}{
		"as sent":                {raw: "Cookie: a=1; s=2\r\n", want: "a=1; s=2"},
		"read":                   {raw: "Cookie: a=1; s=2\r\n", request: read, want: "a=1; s=2"},
		"several lines":          {raw: "cookie: a=1\r\nX: y\r\nCOOKIE: s=2\r\n", request: read, want: "a=1| s=2"},
		"quoted":                 {raw: `Cookie: s="2"` + "\r\n", request: read, want: "s=2"},
		"without a name":         {raw: "Cookie: =s=2\r\n", want: "=s=2"},
		"without a name, read":   {raw: "Cookie: =s=2\r\n", request: read, want: ""},
		"spaces for a name":      {raw: "Cookie:  = s=2 ; t=3\r\n", request: read, want: " t=3"},
		"both":                   {raw: "Cookie: =s=2; s=3\r\n", request: read, want: " s=3"},
		"both, of one value":     {raw: "Cookie: =s=2; s=2\r\n", request: read, want: "s=2| s=2"},
		"a line of its own":      {raw: "Cookie: =s=2\r\nCookie: t=3\r\n", request: read, want: " t=3"},
		"decrypted":              {raw: "Cookie: s=secret\r\n", request: func(h *fasthttp.RequestHeader) { h.SetCookie("s", "2") }, want: "s=2"},
		"deleted":                {raw: "Cookie: s=2; t=3\r\n", request: func(h *fasthttp.RequestHeader) { h.DelCookie("s") }, want: "t=3"},
		"a request made by hand": {request: func(h *fasthttp.RequestHeader) { h.SetCookie("s", "2") }, want: "s=2"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var h fasthttp.RequestHeader
			if c.raw != "" {
				sent := "GET / HTTP/1.1\r\nHost: localhost\r\n" + c.raw + "\r\n"
				if err := h.Read(bufio.NewReader(strings.NewReader(sent))); err != nil {
					t.Fatal(err)
				}
			}
			if c.request != nil {
				c.request(&h)
			}
			if got := strings.Join(buffered.CookiesAsSent(h.RawHeaders(), h.PeekAll("Cookie")), "|"); got != c.want {
				t.Errorf("the cookies are %q, want %q", got, c.want)
			}
		})
	}
}

// read reads a cookie. Fasthttp then writes the header anew.
func read(h *fasthttp.RequestHeader) { h.Cookie("any") }
