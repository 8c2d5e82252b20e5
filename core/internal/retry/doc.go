// Package retry repeats calls to Redis: after 20 ms, then every second, then one last time at the
// end. A call on a dead connection is repeated at once.
//
// It knows times, and which errors of go-redis heal, which tell of a dead connection, and which leave
// it open whether the call was executed. It never knows what it calls.
package retry
