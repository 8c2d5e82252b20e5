package cookie

import (
	"bytes"
	"slices"
)

// AsSent returns those cookies in lines, which are what fasthttp has of the Cookie header, that count.
// Raw is the header block that the client sent; it is empty for a request that was made by hand.
//
// Once anything has read a cookie, fasthttp writes the header anew from what it has parsed. A cookie
// without a name, "=__Host-session=ID", then reads like one of the name __Host-session. Browsers let
// a neighbour host set such a cookie. So a value that the client sent counts only under the name that
// the client gave it. A value that a middleware has put there, such as a decrypted one, counts as it
// is.
func AsSent(raw []byte, lines [][]byte) []string {
	sent := sentLines(raw)
	var kept []string
	for _, line := range lines {
		if slices.ContainsFunc(sent, func(s []byte) bool { return bytes.Equal(s, line) }) {
			kept = append(kept, string(line)) // nothing has read a cookie yet
			continue
		}
		for pair := range bytes.SplitSeq(line, []byte(";")) {
			name, value := nameAndValue(pair)
			came := func(line []byte) bool { return bytes.Contains(line, value) }
			named := func(line []byte) bool { return has(line, name, value) }
			if !slices.ContainsFunc(sent, came) || slices.ContainsFunc(sent, named) {
				kept = append(kept, string(pair))
			}
		}
	}
	return kept
}

// sentLines returns the lines of the Cookie header in a header block.
func sentLines(raw []byte) [][]byte {
	var lines [][]byte
	for line := range bytes.Lines(raw) {
		name, value, _ := bytes.Cut(line, []byte(":"))
		if bytes.EqualFold(name, []byte("Cookie")) {
			lines = append(lines, bytes.Trim(value, " \t\r\n"))
		}
	}
	return lines
}

// has tells whether a line of the Cookie header has that cookie.
func has(line, name, value []byte) bool {
	for pair := range bytes.SplitSeq(line, []byte(";")) {
		n, v := nameAndValue(pair)
		if bytes.Equal(n, name) && bytes.Equal(v, value) {
			return true
		}
	}
	return false
}

// nameAndValue takes a cookie apart, as fasthttp does: without quotes around the value. Only a blank and
// a tab are space. To a browser, a name that begins with U+00A0 does not begin with __Host-, so a neighbour
// host may set it.
func nameAndValue(pair []byte) (name, value []byte) {
	const space = " \t"
	name, value, _ = bytes.Cut(pair, []byte("="))
	value = bytes.Trim(value, space)
	if n := len(value); n >= 2 && value[0] == '"' && value[n-1] == '"' {
		value = value[1 : n-1]
	}
	return bytes.Trim(name, space), value
}
