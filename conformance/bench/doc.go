// Package bench measures berth beside other session libraries for Go. It is a
// module of its own, so that those stay out of everyone else's go.sum.
package bench
