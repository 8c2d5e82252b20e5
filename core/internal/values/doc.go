// Package values holds the values of one session and finds out what has changed.
//
// [Values] has each value in the form in which Redis has it, and in the forms in which a handler
// has set or got it. A value is decoded when a handler first gets it. A handler may change a map, a
// slice or what a pointer points to in place; so [Values.Changes] encodes such values again and
// compares. [Coding] encodes and decodes, [Sealer] encrypts what goes to Redis and signs facts about
// the session.
//
// The package knows encodings, types and encryption keys. It never knows Redis, time limits,
// requests or locks. Nothing here waits. Coding and Sealer are safe for concurrent use, Values are
// not.
package values
