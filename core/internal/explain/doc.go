// Package explain says what an error of Redis means, and what to do about it.
//
// It knows the answers of servers, the settings that they hint at, and what servers and go-redis repeat
// of a call: keys, proofs and values, which must be in no error. It never knows what the call was for.
package explain
