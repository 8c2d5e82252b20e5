// Package moving takes sessions over from another session library, so that nobody is logged out when an
// application changes to berth.
//
//	move, err := moving.Middleware(m, old)
//	http.Handle("/", move(httpsession.Middleware(m)(handlers)))
//
// A request that has no cookie of berth, but one of the old library, is the first of its visitor. The
// middleware reads the old session by [Old], makes a session of berth with what it held, ends the old one, and
// sends the new cookie. The request goes on with the new session, as any other request with that cookie. All
// later requests pass the middleware without a call to Redis.
//
// If two tabs come at the same time, one of them moves the session. The other waits for that, and goes on with
// the same new session. For a minute, Redis keeps the new cookie under a hash of the old one, and encrypted with
// the old one: whoever reads Redis opens nothing with it.
//
// A move is no sign-in. Nobody knows when the user signed in, so AuthenticatedAt is the zero time. A page that
// demands a fresh sign-in, by RequirePrincipal within a duration, asks for the password again. MaxLifetime counts
// from the move.
//
// After the move the old cookie is worth nothing: the old library does not know it any more. For the minute, it
// means the new session, and nothing after a logout. So let no process with the old library serve requests any
// more when the first one with this middleware does.
//
// If Redis or the old store cannot be reached, the answer is an error, and nothing has been moved. An old
// session that cannot be decoded stays where it is, and its visitor starts anew: see [ErrUnreadable].
//
// The package knows both cookies, and the note in Redis of a move. It never knows how the old library keeps its
// sessions: that is what an [Old] is for.
package moving
