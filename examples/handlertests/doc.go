// Package handlertests has no code but tests: one of a small handler with each framework, as
// docs/testing.md shows them.
package handlertests
