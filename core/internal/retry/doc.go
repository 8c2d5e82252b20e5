// Package retry is the one schedule of retries: after 20 ms, then every second, then one last time
// at the end. It knows times and errors. It never knows what it calls: the caller says which errors
// heal.
package retry
