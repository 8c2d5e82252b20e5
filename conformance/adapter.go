package conformance

import (
	"io"
	"net"
	"net/http"
	"time"

	"github.com/berthgo/berth/core/session"
)

// Adapter is one adapter of berth, as the suite sees it.
type Adapter struct {
	Name string

	// Serve answers the requests that come in at l, until stop is called. stop closes l too. A
	// handler that panics must end neither the server nor the process.
	Serve func(l net.Listener, app App) (stop func())

	// Lacks is what the framework, and not the adapter, cannot do. Cases that need it skip.
	Lacks []Feature

	witness *witness // nil but for the tests of the suite
}

// Feature is something that not every framework can do.
type Feature string

// What a framework may lack.
const (
	// Unbuffered frameworks send what a handler writes while the handler still runs.
	Unbuffered Feature = "unbuffered responses"
	// EarlyHints means that [Exchange.W] sends informational responses, 1xx.
	EarlyHints Feature = "informational responses"
	// ReaderFrom means that [Exchange.W] is an [io.ReaderFrom], for sendfile.
	ReaderFrom Feature = "io.ReaderFrom"
	// Controller means that [http.ResponseController] works on [Exchange.W].
	Controller Feature = "http.ResponseController"
	// Cancellation means that the request's context ends when the client hangs up.
	Cancellation Feature = "cancellation of requests"
)

// App is an application for [Adapter.Serve] to serve.
type App struct {
	// Manager is for the adapter's middleware.
	Manager *session.Manager

	// Routes are behind the middleware, for GET at least.
	Routes Routes

	// Bare are routes without the middleware.
	Bare Routes

	// Access is for the adapter's WithAccessFunc, by path. Paths that are not in it are Exclusive. If
	// Access is nil, do not use WithAccessFunc.
	Access map[string]session.Access

	// Rule is for the adapter's WithAccess. If Rule is nil, do not use WithAccess.
	Rule session.Rule

	// NeedsUser asks for the adapter's RequirePrincipal, with Within.
	NeedsUser bool
	Within    time.Duration

	// OnError is for the adapter's WithErrorHandler: it returns the answer to an error. If OnError
	// is nil, do not use WithErrorHandler.
	OnError func(err error) (status int, body string)

	// ReadsCookies asks for a middleware before the adapter's that reads a cookie, in the framework's
	// own way.
	ReadsCookies bool

	// Inner asks for the adapter's middleware once more, behind the first one. It has the Manager and
	// what the options are for that: Access, Rule, NeedsUser and OnError. If Inner is nil, there is no second one.
	Inner *App

	// Between is called between the two middlewares, with the session that From returns there. It
	// may be nil.
	Between func(s *session.Session)
}

// Routes are handlers by path. Paths have no parameters.
type Routes map[string]Handler

// Handler is a handler that knows no framework. If the framework's own handlers return an error,
// pass the error of this one on: the framework's usual error handler must answer 500. Otherwise,
// answer 500.
type Handler func(x *Exchange) error

// Exchange is a request and its response.
type Exchange struct {
	// W is the response. If the framework has a type of its own for it, W is that type, or the
	// thinnest wrapper that makes it a ResponseWriter.
	W http.ResponseWriter

	// R is the request. Its context is the one that code without a framework would get.
	R *http.Request

	// From is the adapter's From.
	From func() *session.Session

	// Stream streams a response as the framework does, with the headers of W: at once, or after the
	// handler. A handler calls it last.
	Stream func(write func(w io.Writer, flush func() error))

	// Hijack answers 101, with the headers of W, and hands the connection over: at once, or after the
	// handler. A handler calls it last.
	Hijack func(talk func(conn net.Conn)) error
}
