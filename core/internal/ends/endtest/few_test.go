//go:build !testall

package endtest

// someSessions is how many make test lets expire together.
const someSessions = 300
