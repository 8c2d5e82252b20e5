// Package bench is the place for measuring berth beside other session libraries for
// Go: a module of its own, so that those stay out of everyone else's go.sum. There
// is nothing in it yet.
package bench
