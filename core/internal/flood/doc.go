// Package flood keeps an outage from filling the log: every request fails in the same way then.
//
// It knows how many failures of a kind there were in the last second. It never knows what a failure is,
// or where it is logged.
package flood
