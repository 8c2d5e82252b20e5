package connect

import "strings"

// Error is a failure to connect to a server, or to be let in by it. Its text says where, what was
// said there, and which field of [Config] to look at. It holds no secret.
type Error struct {
	Addr   string // of the server, or of all Sentinels
	Advice string // what to look at
	Err    error  // what the server, TLS or the network said
}

func (e *Error) Error() string {
	return e.Addr + ": " + strings.TrimSuffix(e.Err.Error(), ".") + "; " + e.Advice
}

// Unwrap returns what the server, TLS or the network said.
func (e *Error) Unwrap() error { return e.Err }

// answer is what a server said, without what it repeats of a command.
type answer string

func (a answer) Error() string { return string(a) }

// RedisError marks it as an answer of a server.
func (answer) RedisError() {}

// unquoted cuts off what a server repeats of a command that it does not know. In a greeting, the
// password is among it.
func unquoted(said string) answer {
	said, _, _ = strings.Cut(said, ", with args beginning with:")
	return answer(said)
}
