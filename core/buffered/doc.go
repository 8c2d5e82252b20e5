// Package buffered gives a session to each request of a framework that sends nothing before the
// handler has returned, such as Fiber. It is for adapters: adapters/fibersession and
// adapters/fiber3session are built on it. Package httpsession does the same for frameworks that write
// to an http.ResponseWriter.
//
// It knows in which order a request begins its session, calls the handler, commits and gets its
// headers, and what answers if one of these fails. It knows the framework as an [Exchange], and it
// never knows Redis.
package buffered
