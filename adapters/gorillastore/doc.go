// Package gorillastore is a Store of gorilla/sessions that keeps the sessions in Redis by berth. Code that
// is written for gorilla/sessions works with one changed line:
//
//	store, err := gorillastore.New(m) // before: redistore.NewRediStore(…)
//
// # What you get
//
// Get and New load the session of a name. They take no lease, so a request that never calls Save keeps
// nobody waiting. Save writes the values that this request has changed, and no others. So two requests of one
// user do not lose each other's changes of different values. If both change the same value, the last Save
// counts: a counter may miss a visit.
//
// A session that is too large, that has ended meanwhile, or that could not be loaded is an error of Save, and
// is not saved. The client has berth's cookie, HANDLE.SECRET, and ID is the handle.
//
// Each name is a session and a cookie of its own, all of them by one Manager. In Redis, NAME: stands before the
// values' keys; so under another name a cookie finds no values. Only the name of the Manager's own cookie has
// nothing before its keys.
//
// # The better form
//
// A Store hears nothing of the end of a request. A middleware does. Put berth's middleware around the
// handlers, with the name of your session:
//
//	m, err := session.New(client, session.Options{App: "shop", Cookie: session.Cookie{Name: "shop-session"}})
//	store, err := gorillastore.New(m)
//	http.Handle("/", httpsession.Middleware(m)(handlers))
//
// Then store.Get(r, "shop-session") is the session of the request, which has its lease, so requests of one
// session take turns. Save changes it, and the middleware saves it before the first byte of the response; if
// that fails, that is the response. New code may use berth's own API beside: FromContext of package session is
// the same session. Of Options, MaxAge counts; the cookie is that of the Manager. The sessions of the
// browsers stay when you add the middleware or take it away.
//
// # Values
//
// Keys are strings, or types made of strings, numbers and bools. A string, an int or a bool is stored as JSON.
// All other values are stored by encoding/gob, so register their types with gob.Register, as for other
// stores. What berth's API has stored as JSON is read as JSON says.
package gorillastore
