package values

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"time"
)

// Facts are what a MAC proves of a session.
type Facts struct {
	Handle        string
	Proof         string
	Principal     string
	Authenticated time.Time
}

// MAC returns the proof that these facts belong together: the first bytes of the key's SHA-256 and
// a HMAC-SHA256 (RFC 2104), in base64. HKDF (RFC 5869) derives its key from the encryption key.
func (s *Sealer) MAC(f Facts) string { return s.keys[0].mac(s.statement(f)) }

// Verify tells whether MAC made that of these facts, with one of the keys. Without encryption keys
// it is always true.
func (s *Sealer) Verify(mac string, f Facts) bool {
	if s == nil {
		return true
	}
	statement := s.statement(f)
	for _, k := range s.keys {
		if hmac.Equal([]byte(mac), []byte(k.mac(statement))) {
			return true
		}
	}
	return false
}

// statement is unambiguous: only the principal, which comes last, may have spaces.
func (s *Sealer) statement(f Facts) []byte {
	var at int64
	if !f.Authenticated.IsZero() {
		at = f.Authenticated.UnixMilli()
	}
	return fmt.Appendf(nil, "%s %s %s %d %s", s.app, f.Handle, f.Proof, at, f.Principal)
}

func (k sealingKey) mac(statement []byte) string {
	h := hmac.New(sha256.New, k.macKey)
	_, _ = h.Write(statement)
	return base64.RawURLEncoding.EncodeToString(h.Sum(k.id[:]))
}
