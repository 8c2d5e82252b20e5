// Package store speaks Redis for sessions: one Lua script an operation, the
// names of the keys, the format of a session's own facts, and which of Redis's
// errors can heal. It knows nothing of values, cookies or waiting.
package store
