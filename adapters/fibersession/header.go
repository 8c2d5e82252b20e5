package fibersession

import (
	"bytes"
	"slices"
	"strings"

	"github.com/gofiber/fiber/v2"

	"github.com/berthgo/berth/core/session"
)

// requestHeader is what berth reads of a request.
type requestHeader struct{ c *fiber.Ctx }

// responseHeader is what berth reads and writes of a response.
type responseHeader struct{ c *fiber.Ctx }

var (
	_ session.Headers = requestHeader{}
	_ session.Headers = responseHeader{}
)

// Values copies, because the next request overwrites what fasthttp returns.
func (h requestHeader) Values(name string) []string {
	header := &h.c.Request().Header
	lines := header.PeekAll(name)
	if len(lines) > 0 && strings.EqualFold(name, fiber.HeaderCookie) {
		return cookies(header.RawHeaders(), lines)
	}
	return texts(lines)
}

func (h requestHeader) Set(name, value string) { h.c.Request().Header.Set(name, value) }
func (h requestHeader) Add(name, value string) { h.c.Request().Header.Add(name, value) }
func (h requestHeader) Del(name string)        { h.c.Request().Header.Del(name) }

func (h responseHeader) Values(name string) []string {
	return texts(h.c.Response().Header.PeekAll(name))
}
func (h responseHeader) Set(name, value string) { h.c.Response().Header.Set(name, value) }
func (h responseHeader) Add(name, value string) { h.c.Response().Header.Add(name, value) }
func (h responseHeader) Del(name string)        { h.c.Response().Header.Del(name) }

func texts(lines [][]byte) []string {
	values := make([]string, len(lines))
	for i, line := range lines {
		values[i] = string(line)
	}
	return values
}

// cookies returns the cookies in lines, which is what fasthttp has of the Cookie header. Raw is the
// header block that the client sent; it is empty for a request that was made by hand.
//
// Once anything has read a cookie, fasthttp writes the header anew from what it has parsed. A cookie
// without a name, "=__Host-session=ID", then reads like one of the name __Host-session. Browsers let
// a neighbour host set such a cookie. So a value that the client sent counts only under the name that
// the client gave it. A value that a middleware has put there, such as a decrypted one, counts as it
// is.
func cookies(raw []byte, lines [][]byte) []string {
	sent := sentCookies(raw)
	var kept []string
	for _, line := range lines {
		if slices.ContainsFunc(sent, func(s []byte) bool { return bytes.Equal(s, line) }) {
			kept = append(kept, string(line)) // nothing has read a cookie yet
			continue
		}
		for pair := range bytes.SplitSeq(line, []byte(";")) {
			name, value := nameAndValue(pair)
			came := func(line []byte) bool { return bytes.Contains(line, value) }
			named := func(line []byte) bool { return has(line, name, value) }
			if !slices.ContainsFunc(sent, came) || slices.ContainsFunc(sent, named) {
				kept = append(kept, string(pair))
			}
		}
	}
	return kept
}

// sentCookies returns the lines of the Cookie header in a header block.
func sentCookies(raw []byte) [][]byte {
	var lines [][]byte
	for line := range bytes.Lines(raw) {
		name, value, _ := bytes.Cut(line, []byte(":"))
		if bytes.EqualFold(name, []byte(fiber.HeaderCookie)) {
			lines = append(lines, bytes.TrimSpace(value))
		}
	}
	return lines
}

// has tells whether a line of the Cookie header has that cookie.
func has(line, name, value []byte) bool {
	for pair := range bytes.SplitSeq(line, []byte(";")) {
		n, v := nameAndValue(pair)
		if bytes.Equal(n, name) && bytes.Equal(v, value) {
			return true
		}
	}
	return false
}

// nameAndValue takes a cookie apart, as fasthttp does: without quotes around the value.
func nameAndValue(pair []byte) (name, value []byte) {
	name, value, _ = bytes.Cut(pair, []byte("="))
	value = bytes.TrimSpace(value)
	if n := len(value); n >= 2 && value[0] == '"' && value[n-1] == '"' {
		value = value[1 : n-1]
	}
	return bytes.TrimSpace(name), value
}
