package session

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"time"
)

// sealer encrypts values with AES-GCM (NIST SP 800-38D), random nonces, and App, the
// session's handle and the value's key as additional data. A sealed value is
//
//	1 | first 4 bytes of the key's SHA-256 | nonce | ciphertext and tag
//
// so that the key that opens it is found without trying all.
type sealer struct {
	app  string
	keys []sealingKey
}

type sealingKey struct {
	id     [4]byte
	aead   cipher.AEAD
	macKey []byte
}

const sealedVersion = 1 // a byte that no JSON starts with

var errUnknownKey = errors.New("encrypted with a key that is not among Options.EncryptionKeys")

var errSealedFormat = errors.New("not an encrypted value, or of an unknown format")

// newSealer returns nil if there are no keys. Their lengths are valid already.
func newSealer(app string, keys []EncryptionKey) (*sealer, error) {
	if len(keys) == 0 {
		return nil, nil
	}
	s := &sealer{app: app}
	for _, key := range keys {
		block, err := aes.NewCipher(key)
		if err != nil {
			return nil, err
		}
		aead, err := cipher.NewGCMWithRandomNonce(block)
		if err != nil {
			return nil, err
		}
		macKey, err := hkdf.Key(sha256.New, key, nil, "berth: facts of a session", sha256.Size)
		if err != nil {
			return nil, err
		}
		sum := sha256.Sum256(key)
		s.keys = append(s.keys, sealingKey{[4]byte(sum[:4]), aead, macKey})
	}
	return s, nil
}

func (s *sealer) seal(handle, key string, plain []byte) []byte {
	k := s.keys[0]
	sealed := make([]byte, 0, 1+len(k.id)+k.aead.Overhead()+len(plain))
	sealed = append(sealed, sealedVersion)
	sealed = append(sealed, k.id[:]...)
	return k.aead.Seal(sealed, nil, plain, s.binding(handle, key))
}

func (s *sealer) open(handle, key string, sealed []byte) ([]byte, error) {
	if len(sealed) < 5 || sealed[0] != sealedVersion {
		return nil, errSealedFormat
	}
	err := errUnknownKey
	for _, k := range s.keys {
		if k.id != [4]byte(sealed[1:5]) {
			continue
		}
		var plain []byte
		if plain, err = k.aead.Open([]byte{}, nil, sealed[5:], s.binding(handle, key)); err == nil {
			return plain, nil
		}
	}
	return nil, err
}

// binding is unambiguous, as App has no control characters and handles have a fixed length.
func (s *sealer) binding(handle, key string) []byte { return []byte(s.app + "\x00" + handle + key) }

// mac returns what shows that a session's handle, proof, principal and time of authentication
// belong together: the first bytes of the key's SHA-256 and a HMAC-SHA256 (RFC 2104), in
// base64. Its key is derived from the encryption key by HKDF (RFC 5869).
func (s *sealer) mac(handle, proof, principal string, authenticated time.Time) string {
	return s.keys[0].mac(s.statement(handle, proof, principal, authenticated))
}

// verify tells whether mac made that, with one of the keys.
func (s *sealer) verify(mac, handle, proof, principal string, authenticated time.Time) bool {
	statement := s.statement(handle, proof, principal, authenticated)
	for _, k := range s.keys {
		if hmac.Equal([]byte(mac), []byte(k.mac(statement))) {
			return true
		}
	}
	return false
}

// statement is unambiguous: all but the principal, which comes last, have no spaces.
func (s *sealer) statement(handle, proof, principal string, authenticated time.Time) []byte {
	var at int64
	if !authenticated.IsZero() {
		at = authenticated.UnixMilli()
	}
	return fmt.Appendf(nil, "%s %s %s %d %s", s.app, handle, proof, at, principal)
}

func (k sealingKey) mac(statement []byte) string {
	h := hmac.New(sha256.New, k.macKey)
	_, _ = h.Write(statement)
	return base64.RawURLEncoding.EncodeToString(h.Sum(k.id[:]))
}

// overhead is the number of bytes that encryption adds to a value.
func (s *sealer) overhead() int {
	if s == nil {
		return 0
	}
	return 1 + len(s.keys[0].id) + s.keys[0].aead.Overhead()
}
