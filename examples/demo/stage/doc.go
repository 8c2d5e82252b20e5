// Package stage is what the demo's page shows: stories of sessions that several frameworks share.
// [Stage.Routes] has what a framework serves, and [Stage.Front] what stands before all of them: the page, its
// stream of events, the switch of Redis, and the inspector.
//
// Only this program of one process has it: pages hear of what happens through a [hub], and not through Redis.
package stage
