package credential_test

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"
	"testing"

	"github.com/berthgo/berth/core/internal/credential"
)

func TestIDIsHandleAndSecret(t *testing.T) {
	t.Parallel()
	handle := credential.NewHandle()
	one, two := credential.New(handle), credential.New(handle)
	if one == two || !credential.Valid(one) || !credential.Valid(two) || !credential.ValidHandle(handle) {
		t.Fatal("two IDs of a handle must be valid and different")
	}
	if credential.Handle(one) != handle || credential.Handle(two) != handle {
		t.Error("the handle is not in the ID")
	}
	// Programs in other languages compute the proof too, see docs/redis.md.
	sum := sha256.Sum256([]byte(one))
	if got := credential.Proof(one); got != hex.EncodeToString(sum[:])[:32] || got == credential.Proof(two) {
		t.Error("the proof is not the first 32 hex digits of the SHA-256")
	}
}

func TestRedact(t *testing.T) {
	t.Parallel()
	handle := credential.NewHandle()
	one, two := credential.New(handle), credential.New(credential.NewHandle())
	got := credential.Redact("/carts/" + one + "x" + two + "/" + handle)
	if want := "/carts/" + handle + ".…x" + credential.Handle(two) + ".…/" + handle; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func FuzzValid(f *testing.F) {
	f.Add(credential.New(credential.NewHandle()))
	f.Add("")
	f.Add(strings.Repeat("a", 26) + "." + strings.Repeat("7", 26))
	f.Add(strings.Repeat("a", 26) + "." + strings.Repeat("1", 26))
	f.Fuzz(func(t *testing.T, s string) {
		handle, secret, dot := strings.Cut(s, ".")
		want := dot && len(handle) == 26 && len(secret) == 26 && strings.Trim(handle+secret, "abcdefghijklmnopqrstuvwxyz234567") == ""
		if credential.Valid(s) != want {
			t.Errorf("Valid of %q is %t", s, !want)
		}
	})
}
