package store

import (
	"errors"
	"strconv"
	"strings"
	"time"
)

// MetaField is the field of the data hash that holds the session's own facts.
const MetaField = "_berth"

// ErrFormat says that a session's own facts were written in a format that this
// version does not know.
var ErrFormat = errors.New("the session was written in a format that this version of berth does not know; upgrade this process, or end the session")

// Meta is what a session knows about itself.
type Meta struct {
	Timeout    time.Duration // idle timeout
	Created    time.Time
	CookieSent time.Time // zero unless the cookie has an age
	Commit     string    // token of the last commit
	Principal  string
}

// String is the content of [MetaField]. The format is described in lua/lib.lua.
func (m Meta) String() string {
	var sent int64
	if !m.CookieSent.IsZero() {
		sent = m.CookieSent.Unix()
	}
	b := make([]byte, 0, 64+len(m.Principal))
	b = append(b, "1 "...)
	b = strconv.AppendInt(b, m.Timeout.Milliseconds(), 10)
	b = append(b, ' ')
	b = strconv.AppendInt(b, m.Created.UnixMilli(), 10)
	b = append(b, ' ')
	b = strconv.AppendInt(b, sent, 10)
	b = append(b, ' ')
	b = append(b, m.Commit...)
	b = append(b, ' ')
	b = append(b, m.Principal...)
	return string(b)
}

// ParseMeta reads what [Meta.String] wrote, or returns [ErrFormat].
func ParseMeta(s string) (Meta, error) {
	var part [5]string
	rest := s
	for i := range part {
		var found bool
		if part[i], rest, found = strings.Cut(rest, " "); !found {
			return Meta{}, ErrFormat
		}
	}
	timeout, errTimeout := strconv.ParseInt(part[1], 10, 64)
	created, errCreated := strconv.ParseInt(part[2], 10, 64)
	sent, errSent := strconv.ParseInt(part[3], 10, 64)
	if part[0] != "1" || errTimeout != nil || errCreated != nil || errSent != nil {
		return Meta{}, ErrFormat
	}
	m := Meta{
		Timeout:   time.Duration(timeout) * time.Millisecond,
		Created:   time.UnixMilli(created),
		Commit:    part[4],
		Principal: rest,
	}
	if sent != 0 {
		m.CookieSent = time.Unix(sent, 0)
	}
	return m, nil
}
