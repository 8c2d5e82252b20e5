package values

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
	"errors"
)

// Sealer encrypts values with AES-GCM (NIST SP 800-38D) and random nonces. App, the session's
// handle and the value's key are the additional data. A sealed value is
//
//	1 | first 4 bytes of the key's SHA-256 | nonce | ciphertext and tag
//
// The bytes of the key's hash say which key opens it. It is safe for concurrent use.
type Sealer struct {
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

// NewSealer returns nil if there are no keys. The first key encrypts, all of them decrypt. Their
// lengths are checked already.
func NewSealer(app string, keys [][]byte) (*Sealer, error) {
	if len(keys) == 0 {
		return nil, nil
	}
	s := &Sealer{app: app}
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

func (s *Sealer) seal(handle, key string, plain []byte) []byte {
	k := s.keys[0]
	sealed := make([]byte, 0, 1+len(k.id)+k.aead.Overhead()+len(plain))
	sealed = append(sealed, sealedVersion)
	sealed = append(sealed, k.id[:]...)
	return k.aead.Seal(sealed, nil, plain, s.binding(handle, key)) //nolint:gosec // there is no nonce here: the cipher makes one
}

func (s *Sealer) open(handle, key string, sealed []byte) ([]byte, error) {
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

// binding is unambiguous, since App has no control characters and handles have a fixed length.
func (s *Sealer) binding(handle, key string) []byte { return []byte(s.app + "\x00" + handle + key) }

// overhead is the number of bytes that encryption adds to a value.
func (s *Sealer) overhead() int {
	if s == nil {
		return 0
	}
	return 1 + len(s.keys[0].id) + s.keys[0].aead.Overhead()
}
