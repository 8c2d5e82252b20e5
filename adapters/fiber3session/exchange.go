package fiber3session

import (
	"context"
	"net"
	"net/http"
	"syscall"

	"github.com/gofiber/fiber/v3"
	"github.com/valyala/fasthttp"

	"github.com/berthgo/berth/core/buffered"
	"github.com/berthgo/berth/core/session"
)

// exchange is a request and its response.
type exchange struct {
	c       fiber.Ctx
	ctx     context.Context // of the request, without a session
	onError func(fiber.Ctx, error) error
	before  *fasthttp.Response // its headers are those from before the handler
	called  bool               // the handler
}

var _ buffered.Exchange = (*exchange)(nil)

func (x *exchange) Enter(ctx context.Context, s *session.Session) {
	x.before = fasthttp.AcquireResponse()
	x.c.Response().Header.CopyTo(&x.before.Header)
	x.c.Locals(localsKey{}, s)
	x.c.SetContext(ctx)
	session.Carry(s, x.c.RequestCtx().SetUserValue) // for FromContext(c), and for handlers of net/http
}

func (x *exchange) Next() error {
	x.called = true
	return x.c.Next()
}

// response returns what the client will get, or nil if that has gone.
//
// Behind Fiber's timeout middleware the handler may still run, and own c.Response(). The client gets a
// copy that was made before. If the timeout middleware is behind this one, fasthttp waits for this
// one before it sends the copy. If it is around this one, x.ctx has its deadline.
func (x *exchange) response() *fasthttp.Response {
	if x.c.IsAbandoned() {
		if x.ctx.Err() != nil {
			return nil
		}
		if timedOut := x.c.RequestCtx().LastTimeoutErrorResponse(); timedOut != nil {
			return timedOut
		}
	}
	return x.c.Response()
}

func (x *exchange) Header() session.Headers {
	if response := x.response(); response != nil {
		return responseHeader{response}
	}
	return http.Header{}
}

func (x *exchange) Sent() bool {
	response := x.response()
	switch {
	case response == nil:
		return true
	case response != x.c.Response():
		return false
	case x.c.RequestCtx().Hijacked() && response.StatusCode() != fiber.StatusSwitchingProtocols:
		return true // by a handler of net/http: fasthttp then sends no response
	}
	return closed(x.c.RequestCtx().Conn())
}

func (x *exchange) Fail(err error) error {
	response := x.response()
	if response == nil {
		return err
	}
	if x.called { // its body and headers do not belong to the error response
		response.ResetBody()
		x.before.Header.CopyTo(&response.Header)
	}
	if response != x.c.Response() {
		answer(response, err)
		return nil
	}
	if x.called {
		x.c.RequestCtx().Hijack(nil)
	}
	return x.onError(x.c, err)
}

func (x *exchange) release() {
	if x.before != nil {
		fasthttp.ReleaseResponse(x.before)
	}
}

// closed reports whether this process has closed a connection, as c.End and c.Drop do. Of a connection
// that is no socket it does not know.
func closed(conn net.Conn) bool {
	if secure, ok := conn.(interface{ NetConn() net.Conn }); ok {
		conn = secure.NetConn()
	}
	socket, ok := conn.(syscall.Conn)
	if !ok {
		return false
	}
	raw, err := socket.SyscallConn()
	return err != nil || raw.Control(func(uintptr) {}) != nil
}
