package credential

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
)

// Handle and secret are 130 random bits each, in characters that are safe in a cookie, a header,
// a URL and a Redis key.
const (
	handleLength = 26
	length       = handleLength + 1 + handleLength
	alphabet     = "abcdefghijklmnopqrstuvwxyz234567"
	proofBytes   = 16
)

// NewHandle makes a handle.
func NewHandle() string { return random() }

// New makes an ID with a new secret for a handle.
func New(handle string) string { return handle + "." + random() }

func random() string {
	var b [handleLength]byte
	_, _ = rand.Read(b[:]) // never fails, see crypto/rand
	for i := range b {
		b[i] = alphabet[b[i]&31]
	}
	return string(b[:])
}

// Valid tells whether s has the form of an ID. Anything else never gets as far as Redis.
func Valid(s string) bool {
	return len(s) == length && s[handleLength] == '.' && ValidHandle(s[:handleLength]) && ValidHandle(s[handleLength+1:])
}

// ValidHandle tells whether s has the form of a handle.
func ValidHandle(s string) bool {
	if len(s) != handleLength {
		return false
	}
	for i := range len(s) {
		if c := s[i]; (c < 'a' || c > 'z') && (c < '2' || c > '7') {
			return false
		}
	}
	return true
}

// Handle returns the handle of a valid ID.
func Handle(id string) string { return id[:handleLength] }

// Proof returns what Redis has of an ID to know it again: 128 bits of its SHA-256, in hex. IDs
// are random, so nobody can guess one from its proof, and no salt is needed.
func Proof(id string) string {
	var whole [length]byte // on the stack, since every request needs it
	sum := sha256.Sum256(append(whole[:0], id...))
	var proof [2 * proofBytes]byte
	hex.Encode(proof[:], sum[:proofBytes])
	return string(proof[:])
}

// Redact returns s without the secrets of IDs that are in it, as for a log.
func Redact(s string) string {
	for i := 0; i+length <= len(s); i++ {
		if Valid(s[i : i+length]) {
			s = s[:i+handleLength+1] + "…" + s[i+length:]
		}
	}
	return s
}
