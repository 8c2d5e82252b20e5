package session

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
)

// An ID is a handle and a secret, with a dot between them. Each is made of 130 random bits,
// in characters that are safe in a cookie, a header, a URL and a Redis key.
const (
	handleLength = 26
	idLength     = handleLength + 1 + handleLength
	idAlphabet   = "abcdefghijklmnopqrstuvwxyz234567"
)

// newHandle makes a handle. It names a session for all of its life.
func newHandle() string { return randomText() }

// newID makes an ID with a new secret for a handle.
func newID(handle string) string { return handle + "." + randomText() }

func randomText() string {
	var b [handleLength]byte
	_, _ = rand.Read(b[:]) // never fails, see crypto/rand
	for i := range b {
		b[i] = idAlphabet[b[i]&31]
	}
	return string(b[:])
}

// validID tells whether s has the form of an ID. Anything else is no ID, and
// never gets as far as Redis.
func validID(s string) bool {
	return len(s) == idLength && s[handleLength] == '.' && validHandle(s[:handleLength]) && validHandle(s[handleLength+1:])
}

// validHandle tells whether s has the form of a handle.
func validHandle(s string) bool {
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

// handleOf returns the handle of a valid ID.
func handleOf(id string) string { return id[:handleLength] }

// proofOf returns what Redis keeps of an ID to know it again: 128 bits of its SHA-256, in
// hex. IDs are random, so there is nothing to guess and no salt is needed.
func proofOf(id string) string {
	var whole [idLength]byte // on the stack, as every request needs this
	sum := sha256.Sum256(append(whole[:0], id...))
	var proof [2 * proofBytes]byte
	hex.Encode(proof[:], sum[:proofBytes])
	return string(proof[:])
}

const proofBytes = 16
