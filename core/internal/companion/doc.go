// Package companion keeps the companions of sessions true.
//
// A companion is a string in Redis whose key is the session's handle and nothing else, for
// programs that do not know berth. Beside it stands the proof of the session, so that such a
// program can check a cookie. Both have keys in another slot of a cluster than the session has, so no script
// writes them together with it. They follow it: written after the commit, hidden before a
// rotation, deleted after the end. What fails is done again beside the request.
//
// The package knows the two keys and the order of such steps. It never knows values, leases or
// requests.
package companion
