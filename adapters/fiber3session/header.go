package fiber3session

import (
	"bytes"
	"strings"

	"github.com/gofiber/fiber/v3"
	"github.com/valyala/fasthttp"

	"github.com/berthgo/berth/core/buffered"
	"github.com/berthgo/berth/core/session"
)

// requestHeader is what berth reads of a request.
type requestHeader struct{ c fiber.Ctx }

// responseHeader is what berth reads and writes of a response.
type responseHeader struct{ r *fasthttp.Response }

var (
	_ session.Headers = requestHeader{}
	_ session.Headers = responseHeader{}
)

// Values copies, because the next request overwrites what fasthttp returns.
func (h requestHeader) Values(name string) []string {
	header := &h.c.Request().Header
	if h.c.IsAbandoned() {
		return sentLines(header.RawHeaders(), name)
	}
	lines := header.PeekAll(name)
	if len(lines) > 0 && strings.EqualFold(name, fiber.HeaderCookie) {
		return buffered.CookiesAsSent(header.RawHeaders(), lines)
	}
	return texts(lines)
}

func (h requestHeader) Set(name, value string) { h.c.Request().Header.Set(name, value) }
func (h requestHeader) Add(name, value string) { h.c.Request().Header.Add(name, value) }
func (h requestHeader) Del(name string)        { h.c.Request().Header.Del(name) }

// Values returns one line for each cookie: PeekAll makes one line of all.
func (h responseHeader) Values(name string) []string {
	if !strings.EqualFold(name, fiber.HeaderSetCookie) {
		return texts(h.r.Header.PeekAll(name))
	}
	var lines []string
	for _, line := range h.r.Header.Cookies() {
		lines = append(lines, string(line))
	}
	return lines
}

func (h responseHeader) Set(name, value string) { h.r.Header.Set(name, value) }
func (h responseHeader) Add(name, value string) { h.r.Header.Add(name, value) }
func (h responseHeader) Del(name string)        { h.r.Header.Del(name) }

func texts(lines [][]byte) []string {
	values := make([]string, len(lines))
	for i, line := range lines {
		values[i] = string(line)
	}
	return values
}

// sentLines returns the values of a header in the block that the client sent. Unlike PeekAll it only
// reads. So it may run beside a handler that has timed out and reads headers too.
func sentLines(raw []byte, name string) []string {
	var values []string
	for line := range bytes.Lines(raw) {
		key, value, found := bytes.Cut(line, []byte(":"))
		if found && strings.EqualFold(string(key), name) {
			values = append(values, string(bytes.TrimSpace(value)))
		}
	}
	return values
}
