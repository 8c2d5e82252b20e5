package cookie_test

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"github.com/berthgo/berth/core/internal/cookie"
	"github.com/berthgo/berth/core/internal/credential"
)

// Whatever a server makes of the Cookie header, an ID that the client has sent counts only under a name that
// the client gave it.
func FuzzAsSent(f *testing.F) {
	id := credential.New(credential.NewHandle())
	const name = "__Host-session"
	f.Add("a=1; "+name+"="+id, "a=1; "+name+"="+id, name, id)
	f.Add("="+name+"="+id, name+"="+id, name, id)
	f.Add("="+name+"="+id+"\r\nCookie: a="+id, name+"="+id, name, id)
	f.Add("\u00a0"+name+"="+id, name+"="+id, name, id)
	f.Add("\u2003"+name+"="+id, "\u2003"+name+"="+id, name, id)
	f.Add("\v"+name+"="+id, "\v"+name+"="+id, name, id)
	f.Add("a="+id, name+"="+id, name, id)
	f.Fuzz(func(t *testing.T, header, line, name, id string) {
		if name == "" || !cookie.IsToken(name) {
			return
		}
		raw := []byte("Host: a\r\nCookie: " + header + "\r\n")
		var sent []string
		for one := range bytes.Lines(raw) {
			if key, value, _ := bytes.Cut(one, []byte(":")); strings.EqualFold(string(key), "Cookie") {
				sent = append(sent, string(bytes.TrimRight(value, "\r\n")))
			}
		}
		theirs := cookie.IDs(nil, sent, name)
		for _, found := range cookie.IDs(nil, cookie.AsSent(raw, [][]byte{[]byte(line)}), name) {
			if strings.Contains(strings.Join(sent, "\n"), found) && !slices.Contains(theirs, found) && len(theirs) < 4 {
				t.Errorf("%q with the line %q gives an ID that the client has not sent as %s", raw, line, name)
			}
		}
	})
}

// A header of any form says https or does not, and is only taken for https if it has the word.
func FuzzByHTTPS(f *testing.F) {
	f.Add("https", "")
	f.Add("", `for=1.2.3.4;proto="HTTPS", proto=http`)
	f.Fuzz(func(t *testing.T, proto, forwarded string) {
		for _, protos := range [][]string{nil, {proto}} {
			if cookie.ByHTTPS(protos, []string{forwarded}) && !strings.Contains(strings.ToLower(proto+forwarded), "https") {
				t.Errorf("%q, %q count as https", protos, forwarded)
			}
		}
	})
}

// What counts as the name, the path and the domain of a cookie cannot end the header, or the attribute.
func FuzzValid(f *testing.F) {
	for _, s := range []string{"session", "a b", "a;b", "a\r\nb", "example.com", ".example.com", "-a.test", "localhost:80", "[::1]:80", "127.0.0.1"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		const ends = ";,\r\n \x00"
		if cookie.IsToken(s) && strings.ContainsAny(s, ends+"=") {
			t.Errorf("%q counts as a token", s)
		}
		if cookie.IsDomain(s) && strings.ContainsAny(s, ends+"=/:") {
			t.Errorf("%q counts as a domain", s)
		}
		if !strings.ContainsFunc(s, cookie.NotInAttribute) && strings.ContainsAny(s, ";\r\n\x00") {
			t.Errorf("%q counts as an attribute", s)
		}
		if cookie.Local(s) && !strings.Contains(s, "localhost") && !strings.Contains(s, "127.") && !strings.Contains(s, "1") {
			t.Errorf("%q counts as this machine", s)
		}
	})
}
