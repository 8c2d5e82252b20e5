// Package moves has no code of its own. Each folder is a small application before and after its move to berth,
// from the library that the folder is named for. docs/moving-from-….md show them, and tests of package stores
// run them. Each has these routes:
//
//	GET  /        the user, how many visits, and the message that is to be seen once
//	POST /login   the user, whose password somebody has checked
//	POST /logout
package moves
