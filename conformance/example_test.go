package conformance_test

import (
	"fmt"
	"io"
	"log"
	"net"
	"net/http"

	embedded "github.com/alicebob/miniredis/v2"

	"github.com/berthgo/berth/conformance"
	"github.com/berthgo/berth/core/httpsession"
	"github.com/berthgo/berth/core/session"
)

// An adapter for http.ServeMux. A test enrols it:
//
//	conformance.Run(t, mux, conformance.Miniredis())
//
// Here it serves one route of its own, as it serves those of the suite.
func Example() {
	mux := conformance.Adapter{Name: "mux", Serve: func(l net.Listener, app conformance.App) (stop func()) {
		behind, all := http.NewServeMux(), http.NewServeMux()
		for path, handler := range app.Routes {
			behind.Handle(path, conformance.HTTPHandler(handler, httpsession.From))
		}
		for path, handler := range app.Bare {
			all.Handle(path, conformance.HTTPHandler(handler, httpsession.From))
		}
		all.Handle("/", conformance.HTTPChain(behind, app, httpsession.Middleware, httpsession.From))
		return conformance.ServeHTTP(l, all)
	}}

	server, err := embedded.Run()
	if err != nil {
		log.Fatal(err)
	}
	defer server.Close()
	m, err := session.Open(session.Config{URL: "redis://" + server.Addr()}, session.Options{App: "shop"})
	if err != nil {
		log.Fatal(err)
	}
	defer m.Close()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	stop := mux.Serve(l, conformance.App{Manager: m, Routes: conformance.Routes{
		"/hello": func(x *conformance.Exchange) error {
			x.From().Set("name", "ann")
			_, err := fmt.Fprintf(x.W, "a new session: %t", x.From().IsNew())
			return err
		},
	}})
	defer stop()

	response, err := http.Get("http://" + l.Addr().String() + "/hello")
	if err != nil {
		log.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	fmt.Println(string(body), err)
	http.DefaultClient.CloseIdleConnections()
	// Output: a new session: true <nil>
}
