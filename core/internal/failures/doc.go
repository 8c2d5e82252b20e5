// Package failures logs what fails, and keeps the last of it. An outage does not fill the log: every request
// fails in the same way then.
//
// It knows how many failures of a kind there were in the last second. It never knows what a failure is, or who
// else hears of it.
package failures
