//go:build !testall && !wholesuite

package conformance_test

// meets has every fault meet the case that is there to find it.
func meets(name, caughtBy string) bool { return name == caughtBy }
