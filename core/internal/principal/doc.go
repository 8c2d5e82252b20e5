// Package principal keeps the index of the sessions of each principal.
//
// A sign-in puts a session into the index of its principal, as the newest. The index has keys of
// its own, in another slot of a cluster than the session, so it may be behind. Whoever reads it
// compares it with the sessions themselves ([Principals.Look]), and takes out those that have ended.
// With a limit, a sign-in makes room: it ends the sessions with the oldest sign-ins.
//
// The package knows sign-ins and their order. It never knows values, secrets or requests.
package principal
