// Package subscription keeps a subscription to messages of Redis open: it notices a dead connection
// and opens another. It never knows what a message means.
package subscription
