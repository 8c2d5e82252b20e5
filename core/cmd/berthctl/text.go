package main

import (
	"fmt"
	"strings"
	"time"
	"unicode"

	"github.com/berthgo/berth/core/internal/credential"
)

func stamp(t time.Time) string {
	if t.IsZero() {
		return "-"
	}
	return t.UTC().Format("2006-01-02T15:04:05Z")
}

func round(d time.Duration) string {
	if d < time.Second {
		return d.Round(time.Millisecond).String()
	}
	return d.Round(time.Second).String()
}

// plain is a name that a terminal may show: "-" for none, and codes for what moves the cursor, changes colours
// or turns the direction of the text. The
// secrets of session IDs are cut out.
func plain(s string) string {
	if s == "" {
		return "-"
	}
	var b strings.Builder
	for _, r := range credential.Redact(s) {
		if unicode.IsPrint(r) {
			b.WriteRune(r)
			continue
		}
		fmt.Fprintf(&b, `\u%04x`, r)
	}
	return b.String()
}
