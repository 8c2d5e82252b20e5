// Package companion keeps the companions of sessions true.
//
// A companion is a string in Redis whose key is the session's handle and nothing else, for
// programs that do not know berth. Beside it stands the proof of the session, so that such a
// program can check a cookie. On a cluster both are in another slot than the session, so no script
// writes them together with it. They follow it: the companion is written after the commit, its proof
// is hidden before a rotation (by package session, with [store.Store.HideCompanion]), and both go
// after the end. A step that fails is repeated beside the request.
//
// The package knows the two keys, and what must become of them. It never knows values, leases or
// requests.
package companion
