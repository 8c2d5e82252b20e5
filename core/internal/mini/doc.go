// Package mini is a miniredis that is dialed within the process and whose keys follow the clock,
// also in a bubble of testing/synctest. Package sessiontest and the tests of core stand on it.
//
// The package knows miniredis and its connections. It never knows sessions, keys or tests.
package mini
