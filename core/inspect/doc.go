// Package inspect is the inspector: web pages on which operators see the sessions of an application, and end
// them. The same data come as JSON.
//
//	inspector := inspect.New(m, inspect.Options{Actions: true})
//	http.Handle("/admin/sessions/", onlyOperators(inspector))
//
// The inspector asks nobody who they are. Put it behind the application's own authorization, here
// onlyOperators: whoever reaches it sees the sessions of all users. It may be mounted under any path that ends
// in a slash, with [http.StripPrefix] or without. All links are relative.
//
// # Pages
//
//	(nothing)                 a form to find a user or a session
//	of?principal=P            the sessions of the user P
//	all, all?cursor=C         all sessions, in pages
//	session?handle=H          one session: times, size, names of its values, who holds it
//	aside, aside?from=N       the ends that are kept aside
//	end?handle=H              one of these
//	stats, stats?still=1      what the Manager counts, every 5 seconds anew, or once
//
// With [Options.Actions], these take POST, and refuse it to pages of other origins:
//
//	end-session?handle=H      ends a session
//	end-all?principal=P       ends all sessions of a user
//	replay?handle=H           hands an end out again that was kept aside
//	drop?handle=H             deletes such an end, with the data of its session
//
// A path with .json at its end, or a request with Accept: application/json, gets JSON. Times are in RFC 3339,
// durations in milliseconds, and an error is {"error": "…"} with a status of its own. If Redis cannot be
// reached, that is 503.
//
// # What it shows
//
// A page shows handles, users, and the names of values. It never shows a session ID: a handle opens nothing. It
// shows a value only if [Options.Show] says so. To look at a session starts no idle time anew, and waits for
// nobody. The pages need no script. Nothing may cache or frame them.
//
// The package knows what package session tells an operator. It never knows Redis.
package inspect
