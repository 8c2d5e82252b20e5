package conformance

import (
	"fmt"
	"io"
	"log"
	"net"
	"net/http"

	"github.com/berthgo/berth/core/httpsession"
	"github.com/berthgo/berth/core/session"
)

// HTTP returns the [Exchange] of a framework that writes to an
// [http.ResponseWriter].
func HTTP(w http.ResponseWriter, r *http.Request, from func() *session.Session) *Exchange {
	control := http.NewResponseController(w)
	return &Exchange{
		W: w, R: r, From: from,
		Stream: func(write func(io.Writer, func() error)) { write(w, control.Flush) },
		Hijack: func(talk func(net.Conn)) error {
			conn, _, err := control.Hijack()
			if err != nil {
				return err
			}
			defer conn.Close()
			fmt.Fprint(conn, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: conformance\r\n")
			if err := w.Header().Write(conn); err != nil {
				return err
			}
			fmt.Fprint(conn, "\r\n")
			talk(conn)
			return nil
		},
	}
}

// httpOptions returns the options that an application asks for. It is for middleware that takes the
// options of httpsession.
func httpOptions(app App) []httpsession.Option {
	var opts []httpsession.Option
	if app.Access != nil {
		opts = append(opts, httpsession.WithAccessFunc(func(r *http.Request) session.Access { return app.Access[r.URL.Path] }))
	}
	if app.Rule != nil {
		opts = append(opts, httpsession.WithAccess(app.Rule))
	}
	if app.NeedsUser {
		opts = append(opts, httpsession.RequirePrincipal(app.Within))
	}
	if app.OnError != nil {
		opts = append(opts, httpsession.WithErrorHandler(func(w http.ResponseWriter, _ *http.Request, err error) {
			status, body := app.OnError(err)
			w.WriteHeader(status)
			_, _ = io.WriteString(w, body)
		}))
	}
	return opts
}

// HTTPChain puts the middlewares that an application asks for around h. Middleware and from are the
// adapter's.
func HTTPChain(
	h http.Handler, app App,
	middleware func(m *session.Manager, opts ...httpsession.Option) func(http.Handler) http.Handler,
	from func(r *http.Request) *session.Session,
) http.Handler {
	if app.Inner != nil {
		inner := middleware(app.Inner.Manager, httpOptions(*app.Inner)...)(h)
		h = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if app.Between != nil {
				app.Between(from(r))
			}
			inner.ServeHTTP(w, r)
		})
	}
	h = middleware(app.Manager, httpOptions(app)...)(h)
	if !app.ReadsCookies {
		return h
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = r.Cookie("any")
		h.ServeHTTP(w, r)
	})
}

// HTTPHandler turns a handler of the suite into one of net/http. From is the adapter's From.
func HTTPHandler(handler Handler, from func(r *http.Request) *session.Session) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if err := handler(HTTP(w, r, func() *session.Session { return from(r) })); err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
		}
	}
}

// ServeHTTP is an [Adapter.Serve] for a framework that is an [http.Handler].
func ServeHTTP(l net.Listener, h http.Handler) (stop func()) {
	server := &http.Server{Handler: h, ErrorLog: log.New(io.Discard, "", 0)} // it logs panics
	served := make(chan struct{})
	go func() {
		defer close(served)
		_ = server.Serve(l)
	}()
	return func() {
		_ = server.Close()
		<-served
	}
}
