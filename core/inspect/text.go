package inspect

import (
	"fmt"
	"regexp"
	"strings"
	"time"
	"unicode"
)

var idForm = regexp.MustCompile(`([a-z2-7]{26}\.)[a-z2-7]{26}`)

// redact returns s without the secrets of session IDs that somebody has put into a name or a value.
func redact(s string) string { return idForm.ReplaceAllString(s, "${1}…") }

// holdsID tells whether a session ID is in s.
func holdsID(s string) bool { return idForm.MatchString(s) }

// plain returns s with codes for what cannot be seen, or turns the direction of the text.
func plain(s string) string {
	var b strings.Builder
	for _, r := range s {
		if unicode.IsPrint(r) {
			b.WriteRune(r)
			continue
		}
		fmt.Fprintf(&b, `\u%04x`, r)
	}
	return b.String()
}

// short is plain, cut for a table.
func short(s string) string {
	const most = 60
	runes := 0
	for i := range s {
		if runes++; runes > most {
			return plain(s[:i]) + "…"
		}
	}
	return plain(s)
}

// span is a duration: milliseconds in JSON, and rounded on pages.
type span time.Duration

func (d span) MarshalJSON() ([]byte, error) {
	return fmt.Appendf(nil, "%d", time.Duration(d).Milliseconds()), nil
}

func (d span) String() string {
	whole := time.Duration(d)
	switch {
	case whole < time.Second:
		return whole.Round(time.Millisecond).String()
	case whole < 48*time.Hour:
		return whole.Round(time.Second).String()
	}
	return fmt.Sprintf("%d days", int(whole.Round(24*time.Hour)/(24*time.Hour)))
}

// size is a number of bytes for people.
func size(n int) string {
	switch {
	case n < 1<<10:
		return fmt.Sprintf("%d bytes", n)
	case n < 1<<20:
		return fmt.Sprintf("%.1f KiB", float64(n)/(1<<10))
	}
	return fmt.Sprintf("%.1f MiB", float64(n)/(1<<20))
}
