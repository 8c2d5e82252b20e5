package session

import (
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
)

// UnmarshalText takes a key from its base64 form, with or without padding. So
// loaders can fill [Options.EncryptionKeys].
func (k *EncryptionKey) UnmarshalText(text []byte) error {
	// The error of the decoder would tell where the wrong character is, and the text
	// is a secret or close to one.
	key, err := base64.RawStdEncoding.DecodeString(strings.TrimRight(strings.TrimSpace(string(text)), "="))
	if err != nil {
		return errors.New("session: an encryption key is not in base64, as of: openssl rand -base64 32")
	}
	*k = key
	return nil
}

// UnmarshalText takes auto, always or never.
func (s *Secure) UnmarshalText(text []byte) error {
	switch strings.ToLower(string(text)) {
	case "auto":
		*s = SecureAuto
	case "always":
		*s = SecureAlways
	case "never":
		*s = SecureNever
	default:
		return fmt.Errorf("session: Cookie.Secure is %q: it must be auto, always or never", text)
	}
	return nil
}

// UnmarshalText takes lax, strict or none.
func (s *SameSite) UnmarshalText(text []byte) error {
	switch strings.ToLower(string(text)) {
	case "lax":
		*s = SameSiteLax
	case "strict":
		*s = SameSiteStrict
	case "none":
		*s = SameSiteNone
	default:
		return fmt.Errorf("session: Cookie.SameSite is %q: it must be lax, strict or none", text)
	}
	return nil
}
