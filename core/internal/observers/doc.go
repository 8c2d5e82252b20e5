// Package observers tells any number of observers what a manager does. Each of them may make a context of its own
// for an operation, and hears with it of what happens within. It never knows what the operations and events
// are. Nothing here waits.
package observers
