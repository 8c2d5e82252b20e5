package fibersession

import (
	"strings"

	"github.com/gofiber/fiber/v2"

	"github.com/berthgo/berth/core/buffered"
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
		return texts(h.c.Response().Header.PeekAll(name))
	}
	var lines []string
	//nolint:staticcheck // fasthttp of Fiber 2 has no successor of it.
	h.c.Response().Header.VisitAllCookie(func(_, line []byte) { lines = append(lines, string(line)) })
	return lines
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
