// Package login is what the same small login application shares under each session library.
// Folders beside it have the application: berth, berthgin, scs and gincontrib. Each has these routes:
//
//	GET  /        the user, how many visits, and the message that is to be seen once
//	POST /login   user, password, and remember to stay signed in for 30 days
//	POST /logout
//
// The test of this package runs one story with all of them. docs/comparison.md compares them.
package login

import "time"

// Remembered is how long a browser stays signed in that asks for it.
const Remembered = 30 * 24 * time.Hour

// Check tells whether a user has this password. It stands for a look at a database.
func Check(user, password string) bool { return user != "" && password == "open sesame" }
