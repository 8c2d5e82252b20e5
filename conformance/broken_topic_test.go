//go:build testall && !wholesuite

package conformance_test

import "strings"

// meets has every fault meet the topic of the case that is there to find it.
func meets(name, caughtBy string) bool {
	topic, _, _ := strings.Cut(caughtBy, "/")
	return strings.HasPrefix(name, topic+"/")
}
