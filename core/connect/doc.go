// Package connect makes a go-redis client from a [Config], which says how to reach Redis:
// one server, a Unix socket, Sentinels or a Cluster, with TLS or without. A Config is
// filled field by field, or from a URL, or from a connection string of StackExchange.Redis.
//
// The client of [NewClient] never retries a command on its own: it sends the command once,
// and dials once. So its caller alone decides what is tried again, and when. There is one
// exception: with [Config.Credentials], it dials a second time if the server refuses the first
// greeting. The client keeps the two time limits of the Config.
//
// The package knows go-redis, and where Redis is. It never knows what is done there:
// sessions, keys and scripts are the business of its callers, such as package session.
package connect
