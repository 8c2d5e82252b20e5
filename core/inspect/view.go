package inspect

import (
	"errors"
	"reflect"
	"strings"
	"time"
	"unicode"

	"github.com/berthgo/berth/core/session"
)

// The views are what pages show, and what clients get as JSON.

// sessionView is one session. Of one that cannot be read, only Handle and Error are known.
type sessionView struct {
	Handle    string    `json:"handle"`
	Principal string    `json:"principal,omitempty"`
	Created   time.Time `json:"created,omitzero"`
	SignedIn  time.Time `json:"signedIn,omitzero"`
	Idle      span      `json:"idleMs"`
	Left      span      `json:"leftMs"`
	Timeout   span      `json:"timeoutMs,omitzero"`
	Size      int       `json:"bytes"`
	Held      bool      `json:"held"`
	HeldFor   span      `json:"heldForMs,omitzero"`
	HeldBy    string    `json:"heldBy,omitempty"`
	HeldHere  bool      `json:"heldHere,omitempty"`
	Values    []value   `json:"values,omitempty"`
	Error     string    `json:"error,omitempty"`
}

// value is the name of a value, and the value if it may be shown.
type value struct {
	Name string  `json:"name"`
	Text *string `json:"text,omitempty"`
}

func viewInfo(i session.Info) sessionView {
	return sessionView{
		Handle: i.Handle, Principal: redact(i.Principal), Created: i.CreatedAt, SignedIn: i.AuthenticatedAt,
		Idle: span(i.Idle), Left: span(i.Left), Size: i.Size, Held: i.HeldFor > 0, HeldFor: span(i.HeldFor),
	}
}

// viewUnreadable is a session, or an end, that cannot be read.
func viewUnreadable(handle string, err error) sessionView {
	return sessionView{Handle: handle, Error: cannotRead(err)}
}

// cannotRead says why, in words for an operator.
func cannotRead(err error) string {
	if errors.Is(err, session.ErrForged) {
		return "It is forged, or was saved without an encryption key that this program has."
	}
	var failed *session.OpError
	if errors.As(err, &failed) {
		err = failed.Err
	}
	return "It cannot be read: " + redact(err.Error())
}

// endView is an end that is kept aside.
type endView struct {
	Handle    string         `json:"handle"`
	Principal string         `json:"principal,omitempty"`
	Reason    session.Reason `json:"reason,omitempty"`
	Created   time.Time      `json:"created,omitzero"`
	SignedIn  time.Time      `json:"signedIn,omitzero"`
	LastUsed  time.Time      `json:"lastUsed,omitzero"`
	Ended     time.Time      `json:"ended,omitzero"`
	Attempts  int            `json:"attempts"`
	NoData    bool           `json:"noData"`
	Values    []value        `json:"values,omitempty"`
	Error     string         `json:"error,omitempty"`
}

func viewEnd(e session.Ended, err error) endView {
	if err != nil {
		return endView{Handle: e.Handle, Error: cannotRead(err)}
	}
	return endView{
		Handle: e.Handle, Principal: redact(e.Principal), Reason: e.Reason, Created: e.CreatedAt,
		SignedIn: e.AuthenticatedAt, LastUsed: e.LastUsed, Ended: e.EndedAt, Attempts: e.Attempt, NoData: e.NoData,
	}
}

// values are those with these names, as far as the application shows them.
func (q *request) values(s *session.Session, names []string) []value {
	list := make([]value, len(names))
	for i, name := range names {
		list[i].Name = redact(name)
		if q.options.Show == nil || !s.Has(name) {
			continue
		}
		if text, ok := q.options.Show(q.r, s, name); ok {
			text = redact(text)
			list[i].Text = &text
		}
	}
	return list
}

// figure is one number of the statistics.
type figure struct {
	Name, Text string
	json       any
}

// figures are all fields of what a Manager counts, by name.
func figures(s session.Stats) []figure {
	v := reflect.ValueOf(s)
	var list []figure
	for i := range v.NumField() {
		name := v.Type().Field(i).Name
		switch field := v.Field(i).Interface().(type) {
		case time.Duration:
			list = append(list, figure{name, span(field).String(), span(field)})
		case uint64:
			list = append(list, figure{name, thousands(field), field})
		case int64:
			list = append(list, figure{name, thousands(uint64(max(0, field))), field})
		}
	}
	return list
}

// Label is the name in words: "lock wait time".
func (f figure) Label() string {
	var b strings.Builder
	for i, r := range f.Name {
		if i > 0 && unicode.IsUpper(r) {
			b.WriteByte(' ')
		}
		b.WriteRune(unicode.ToLower(r))
	}
	return strings.ToUpper(b.String()[:1]) + b.String()[1:]
}

// key is the name in JSON. A duration is in milliseconds.
func (f figure) key() string {
	name := strings.ToLower(f.Name[:1]) + f.Name[1:]
	if _, duration := f.json.(span); duration {
		name += "Ms"
	}
	return name
}

// thousands writes a number with commas.
func thousands(n uint64) string {
	digits := []byte{}
	for i := 0; i == 0 || n > 0; i, n = i+1, n/10 {
		if i > 0 && i%3 == 0 {
			digits = append(digits, ',')
		}
		digits = append(digits, byte('0'+n%10))
	}
	for i, j := 0, len(digits)-1; i < j; i, j = i+1, j-1 {
		digits[i], digits[j] = digits[j], digits[i]
	}
	return string(digits)
}
