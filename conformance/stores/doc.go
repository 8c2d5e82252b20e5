// Package stores has no code but tests: that what is written for other session libraries works with the
// stores of berth, in one changed line. The tests use those libraries themselves. They are a module of
// their own, so that no user of a store downloads them.
package stores
