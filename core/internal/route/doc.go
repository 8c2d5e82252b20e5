// Package route finds the pattern that matches a request, among patterns as [http.ServeMux] has them.
//
// A ServeMux refuses two patterns of which one has the more specific method and the other the more
// specific path. Here the more specific path counts, and of equal paths the one with a method.
//
// The package knows methods, hosts and paths. It never knows sessions, or what a pattern is for.
package route
