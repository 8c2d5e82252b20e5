package conformance

import (
	"fmt"

	"github.com/berthgo/berth/core/session"
)

// set puts a value into the session. Its answer is empty.
func set(key string, value any) Handler {
	return func(x *Exchange) error {
		x.From().Set(key, value)
		return nil
	}
}

// show answers with a value of the session, or with "-" if there is none.
func show(key string) Handler {
	return func(x *Exchange) error {
		value, err := session.Get[string](x.From(), key)
		if err != nil {
			value = "-"
		}
		return write(x, value)
	}
}

// increment adds one to the number under "n", and answers with it.
func increment(x *Exchange) error {
	s := x.From()
	n, err := session.Get[int](s, "n")
	if err != nil && n != 0 {
		return err
	}
	s.Set("n", n+1)
	return write(x, fmt.Sprint(n+1))
}

// logIn gives the session to Ann.
func logIn(x *Exchange) error {
	x.From().SetPrincipal("Ann")
	return nil
}

// logOut ends the session.
func logOut(x *Exchange) error {
	x.From().Abandon()
	return nil
}

// rotate gives the session another ID.
func rotate(x *Exchange) error {
	x.From().Rotate()
	return write(x, "done")
}

// who answers with the user that the session belongs to.
func who(x *Exchange) error { return write(x, x.From().Principal()) }

// handle answers with the handle of the session.
func handle(x *Exchange) error { return write(x, x.From().Handle()) }

func write(x *Exchange, text string) error {
	_, err := x.W.Write([]byte(text))
	return err
}
