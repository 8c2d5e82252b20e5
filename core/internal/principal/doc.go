// Package principal keeps the index of the sessions of each principal.
//
// A sign-in puts a session into the index of its principal, as the newest. The index has keys of
// its own, in another slot of a cluster than the session, so it may be behind: [Principals.Look]
// compares it with the sessions themselves, and takes out what has ended. With a limit, a sign-in
// makes room: it ends the oldest sessions.
//
// The package knows sign-ins and their order. It never knows values, secrets, leases or requests.
package principal
