//go:build testall

package conformance_test

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// reading is a part of a text as somebody may read it, and where that part begins.
type reading struct {
	form string
	at   int
	text []byte
}

// readings returns a text in lower case, and what can be decoded in it: hex, base64, and lists of bytes as fmt
// prints them.
func readings(text []byte) []reading {
	all := []reading{{"", 0, lower(text)}}
	add := func(form string, at int, decoded []byte) { all = append(all, reading{form, at, lower(decoded)}) }
	eachRun(text, half*2, isHex, func(at int, run []byte) {
		for skip := range 2 {
			part := run[skip : skip+(len(run)-skip)/2*2]
			decoded := make([]byte, len(part)/2)
			_, _ = hex.Decode(decoded, part)
			add("hex", at, decoded)
		}
	})
	eachRun(text, half*4/3, isBase64, func(at int, run []byte) {
		run = bytes.ReplaceAll(bytes.ReplaceAll(run, []byte("-"), []byte("+")), []byte("_"), []byte("/"))
		for skip := range 4 {
			part := run[skip : skip+(len(run)-skip)/4*4]
			decoded := make([]byte, len(part)/4*3)
			_, _ = base64.RawStdEncoding.Decode(decoded, part)
			add("base64", at, decoded)
		}
	})
	eachRun(text, half*3, inList, func(at int, run []byte) {
		var decoded []byte
		for _, field := range bytes.FieldsFunc(run, func(c rune) bool { return c == ' ' || c == ',' }) {
			n, _ := strconv.ParseUint(string(field), 0, 8)
			decoded = append(decoded, byte(n))
		}
		if len(decoded) >= half {
			add("bytes", at, decoded)
		}
	})
	return all
}

// search returns the first part of a secret in the reading: its number and where it is, which is negative if
// there is none.
func (r reading) search(parts map[string]int) (n, at int) {
	inRow := 0 // characters of IDs up to here
	for i, c := range r.text {
		if inRow++; (c < 'a' || c > 'z') && (c < '2' || c > '7') {
			inRow = 0
		}
		if inRow < half {
			continue
		}
		if n, is := parts[string(r.text[i+1-half:i+1])]; is {
			return n, i + 1 - half
		}
	}
	return 0, -1
}

// eachRun calls f for each part of the text that has so many bytes of a kind, or more, and no others.
func eachRun(text []byte, least int, is func(c byte) bool, f func(at int, run []byte)) {
	start := 0
	for i := 0; i <= len(text); i++ {
		if i < len(text) && is(text[i]) {
			continue
		}
		if i-start >= least {
			f(start, text[start:i])
		}
		start = i + 1
	}
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }
func isHex(c byte) bool   { return isDigit(c) || 'a' <= c|0x20 && c|0x20 <= 'f' }
func isBase64(c byte) bool {
	return isDigit(c) || 'a' <= c|0x20 && c|0x20 <= 'z' || strings.IndexByte("+/-_", c) >= 0
}
func inList(c byte) bool { return isHex(c) || c == 'x' || c == ' ' || c == ',' }

// lower changes nothing but ASCII letters, so all bytes stay where they are.
func lower(text []byte) []byte {
	text = slices.Clone(text)
	for i, c := range text {
		if 'A' <= c && c <= 'Z' {
			text[i] = c | 0x20
		}
	}
	return text
}

// A secret is found in whatever form a program may print it, also half of it.
func TestSecretsInOtherForms(t *testing.T) {
	t.Parallel()
	id := "abcdefghijklmnopqrstuvwxyz.zyxwvutsrqponmlkjihgfedcba"
	secret := id[27:]
	for name, form := range map[string]func(word string) string{
		"as it is":       func(word string) string { return word },
		"upper case":     strings.ToUpper,
		"list of bytes":  func(word string) string { return fmt.Sprint([]byte(word)) },
		"Go syntax":      func(word string) string { return fmt.Sprintf("%#v", []byte(word)) },
		"hex":            func(word string) string { return hex.EncodeToString([]byte(word)) },
		"upper case hex": func(word string) string { return fmt.Sprintf("%X", word) },
		"base64":         func(word string) string { return base64.StdEncoding.EncodeToString([]byte(word)) },
		"base64 in URLs": func(word string) string { return base64.URLEncoding.EncodeToString([]byte(word)) },
	} {
		for part, word := range map[string]string{"the ID": id, "the secret": secret, "half of it": secret[5:20]} {
			for _, before := range []string{" ", "=", "a", "ab", "abc"} {
				e := evidence{said: map[string][]byte{output: []byte("msg=x id" + before + form(word) + "\n")}, ids: []string{id}}
				if len(e.find()) == 0 {
					t.Errorf("%s is not found in %q: %s", part, name, e.said[output])
				}
			}
		}
		e := evidence{said: map[string][]byte{output: []byte("msg=x id=" + form(id[:26]) + "\n")}, ids: []string{id}}
		if found := e.find(); len(found) > 0 {
			t.Errorf("a handle in %q is taken for a secret: %q", name, found)
		}
	}
}
