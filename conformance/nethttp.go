package conformance

import (
	"fmt"
	"io"
	"log"
	"net"
	"net/http"

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

// ServeHTTP is an [Adapter.Serve] of a framework that is an [http.Handler].
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
