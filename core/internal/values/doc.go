// Package values holds the values of one session and finds out what has changed.
//
// [Values] has each value in the form in which Redis has it, and in the forms in which a handler
// has set or got it. A value is decoded when a handler first gets it. A handler may change a
// map or what a pointer points to in place; so [Values.Changes] encodes such values again and
// compares. [Sealer] encrypts what goes to Redis, and signs facts about the session.
//
// The package knows encodings, types and encryption keys. It never knows Redis, time limits,
// requests or locks: nothing here waits, and nothing is safe for concurrent use but [Sealer].
package values
