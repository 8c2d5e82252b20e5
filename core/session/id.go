package session

import (
	"crypto/rand"
	"crypto/sha256"
)

// idLength and idAlphabet make 130 random bits that are safe in a cookie, a
// header, a URL and a Redis key.
const (
	idLength   = 26
	idAlphabet = "abcdefghijklmnopqrstuvwxyz234567"
)

func newID() string {
	var b [idLength]byte
	_, _ = rand.Read(b[:]) // never fails, see crypto/rand
	return encodeID(b[:])
}

// validID tells whether s has the form of an ID. Anything else is no ID, and
// never gets as far as Redis.
func validID(s string) bool {
	if len(s) != idLength {
		return false
	}
	for i := range len(s) {
		if c := s[i]; (c < 'a' || c > 'z') && (c < '2' || c > '7') {
			return false
		}
	}
	return true
}

// hashID returns what names the keys of a session with Options.HashIDs: 130 bits
// of the ID's SHA-256. IDs are random, so there is nothing to guess and no salt
// is needed.
func hashID(id string) string {
	sum := sha256.Sum256([]byte(id))
	return encodeID(sum[:idLength])
}

func encodeID(random []byte) string {
	var b [idLength]byte
	for i := range b {
		b[i] = idAlphabet[random[i]&31]
	}
	return string(b[:])
}
