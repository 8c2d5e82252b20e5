// Package conformance is the test suite that every adapter of berth must pass, with every Redis
// that berth supports. It talks HTTP to a real listener, so it sees what a browser sees. For the
// rest, it looks into Redis.
//
// A test enrols an adapter for another framework:
//
//	conformance.Run(t, conformance.Adapter{Name: "mux", Serve: serveMux}, conformance.Miniredis())
//
// serveMux puts the routes of an [App] under that framework's router and the adapter's middleware.
// A handler of the suite sees an [Exchange], whatever the framework. [HTTP] makes one for a
// framework that writes to an [net/http.ResponseWriter].
package conformance
