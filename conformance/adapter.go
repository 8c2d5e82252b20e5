package conformance

import (
	"io"
	"net"
	"net/http"

	"github.com/berthgo/berth/core/session"
)

// Adapter is one adapter of berth, as the suite sees it.
type Adapter struct {
	Name string

	// Serve answers what comes in at l, until stop is called, which closes l too.
	// A handler that panics must end neither the server nor the process.
	Serve func(l net.Listener, app App) (stop func())

	// Lacks is what the framework, not the adapter, cannot do. The cases that need
	// it are skipped.
	Lacks []Feature
}

// Feature is something that not every framework can do.
type Feature string

// What a framework may lack.
const (
	// Unbuffered frameworks send what a handler writes while it runs.
	Unbuffered Feature = "unbuffered responses"
	// EarlyHints is that [Exchange.W] sends informational responses, 1xx.
	EarlyHints Feature = "informational responses"
	// ReaderFrom is that [Exchange.W] is an [io.ReaderFrom], for sendfile.
	ReaderFrom Feature = "io.ReaderFrom"
	// Controller is that [http.ResponseController] works on [Exchange.W].
	Controller Feature = "http.ResponseController"
	// Cancellation is that the request's context ends when the client hangs up.
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

	// Access is for the adapter's WithAccess: by path, Exclusive for all others.
	// With nil, WithAccess must not be used.
	Access map[string]session.Access

	// OnError is for the adapter's WithErrorHandler: what to answer an error with.
	// With nil, WithErrorHandler must not be used.
	OnError func(err error) (status int, body string)
}

// Routes are handlers by path. Paths have no parameters.
type Routes map[string]Handler

// Handler is a handler of no framework in particular. Where a framework's own
// return an error, this one's must be passed on, and end as status 500 by the
// framework's usual error handler; elsewhere it is to be answered with status 500.
type Handler func(x *Exchange) error

// Exchange is a request and its response.
type Exchange struct {
	// W is the response. Under a framework that has a type of its own it is that
	// type, if it is a ResponseWriter, and the thinnest wrapper of it otherwise.
	W http.ResponseWriter

	// R is the request; its context is the one that business code would get.
	R *http.Request

	// From is the adapter's From.
	From func() *session.Session

	// Stream is how the framework streams a response, with the headers of W: at
	// once, or after the handler. Called last in a handler.
	Stream func(write func(w io.Writer, flush func() error))

	// Hijack answers 101, with the headers of W, and hands the connection over,
	// at once or after the handler. Called last in a handler.
	Hijack func(talk func(conn net.Conn)) error
}
