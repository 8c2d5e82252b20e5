//go:build testall

package conformance_test

const everyRedis = true
