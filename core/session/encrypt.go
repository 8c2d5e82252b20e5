package session

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/sha256"
	"errors"
)

// sealer encrypts values with AES-GCM (NIST SP 800-38D), random nonces and the
// session's and the value's keys as additional data. A sealed value is
//
//	1 | first 4 bytes of the key's SHA-256 | nonce | ciphertext and tag
//
// so that the key that opens it is found without trying all.
type sealer struct {
	keys []sealingKey
}

type sealingKey struct {
	id   [4]byte
	aead cipher.AEAD
}

const sealedVersion = 1 // a byte that no JSON starts with

var errUnknownKey = errors.New("encrypted with a key that is not among Options.EncryptionKeys")

var errSealedFormat = errors.New("not an encrypted value, or of an unknown format")

// newSealer returns nil if there are no keys. Their lengths are valid already.
func newSealer(keys []EncryptionKey) (*sealer, error) {
	if len(keys) == 0 {
		return nil, nil
	}
	s := &sealer{}
	for _, key := range keys {
		block, err := aes.NewCipher(key)
		if err != nil {
			return nil, err
		}
		aead, err := cipher.NewGCMWithRandomNonce(block)
		if err != nil {
			return nil, err
		}
		sum := sha256.Sum256(key)
		s.keys = append(s.keys, sealingKey{[4]byte(sum[:4]), aead})
	}
	return s, nil
}

func (s *sealer) seal(session, key string, plain []byte) []byte {
	k := s.keys[0]
	sealed := make([]byte, 0, 1+len(k.id)+k.aead.Overhead()+len(plain))
	sealed = append(sealed, sealedVersion)
	sealed = append(sealed, k.id[:]...)
	return k.aead.Seal(sealed, nil, plain, binding(session, key))
}

func (s *sealer) open(session, key string, sealed []byte) ([]byte, error) {
	if len(sealed) < 5 || sealed[0] != sealedVersion {
		return nil, errSealedFormat
	}
	err := errUnknownKey
	for _, k := range s.keys {
		if k.id != [4]byte(sealed[1:5]) {
			continue
		}
		var plain []byte
		if plain, err = k.aead.Open([]byte{}, nil, sealed[5:], binding(session, key)); err == nil {
			return plain, nil
		}
	}
	return nil, err
}

// binding is unambiguous because session IDs have a fixed length.
func binding(session, key string) []byte { return []byte(session + key) }

// overhead is the number of bytes that encryption adds to a value.
func (s *sealer) overhead() int {
	if s == nil {
		return 0
	}
	return 1 + len(s.keys[0].id) + s.keys[0].aead.Overhead()
}
