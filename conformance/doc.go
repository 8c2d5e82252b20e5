// Package conformance is the test suite that every adapter of berth must pass,
// with every Redis that berth supports. It talks HTTP to a real listener, so it
// sees what a browser would, and looks into Redis for the rest.
//
// An adapter for one more framework is enrolled in a test:
//
//	conformance.Run(t, conformance.Adapter{Name: "mux", Serve: serveMux}, conformance.Miniredis())
//
// where serveMux puts the routes of an [App] under that framework's router and
// the adapter's middleware. [Exchange] is what a handler of the suite sees of any
// framework; [HTTP] makes one for all that write to an [net/http.ResponseWriter].
package conformance
