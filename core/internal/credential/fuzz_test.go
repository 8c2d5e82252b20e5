package credential_test

import (
	"strings"
	"testing"

	"github.com/berthgo/berth/core/internal/credential"
)

// No text has an ID in it once it was redacted.
func FuzzRedact(f *testing.F) {
	handle := credential.NewHandle()
	id := credential.New(handle)
	f.Add("/carts/" + id + "/x")
	f.Add(id + id)
	f.Add(id + "." + handle)
	f.Add(handle + "." + handle + "." + handle)
	f.Add(strings.Repeat("a", 80) + "." + strings.Repeat("b", 80))
	f.Fuzz(func(t *testing.T, s string) {
		redacted := credential.Redact(s)
		for i := 0; i+53 <= len(redacted); i++ {
			if credential.Valid(redacted[i : i+53]) {
				t.Fatalf("%q became %q, which has an ID", s, redacted)
			}
		}
		if again := credential.Redact(redacted); again != redacted {
			t.Errorf("%q redacted twice is %q", redacted, again)
		}
	})
}
