//go:build testall

package conformance_test

// wholeSuite has every fault meet the whole suite.
const wholeSuite = true
