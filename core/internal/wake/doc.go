// Package wake tells waiters that they got a lease. A process has one subscription, on one
// connection, for all its waiters. On a cluster it has one for each master that has a session for
// which somebody waits. Package wake knows tokens and channels. It never knows what a lease
// protects.
package wake
