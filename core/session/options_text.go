package session

import (
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
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
	return fromText(s, "Secure", text, SecureAuto, [3]string{"auto", "always", "never"})
}

// UnmarshalText takes lax, strict or none.
func (s *SameSite) UnmarshalText(text []byte) error {
	return fromText(s, "SameSite", text, SameSiteLax, [3]string{"lax", "strict", "none"})
}

// fromText takes one of three words. They stand for three values in a row.
func fromText[T ~int](field *T, name string, text []byte, first T, words [3]string) error {
	i := slices.Index(words[:], strings.ToLower(string(text)))
	if i < 0 {
		return fmt.Errorf("session: Cookie.%s is %q: it must be %s, %s or %s", name, text, words[0], words[1], words[2])
	}
	*field = first + T(i)
	return nil
}
