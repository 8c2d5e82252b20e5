// Package cookie knows the headers that carry a session ID: those of a cookie, or one of the application's own.
// It reads from a request the IDs, and whether the client came by HTTPS. It gives a response the ID that
// session.SetHeaders sends, checks what is set up for it, and tells caches what they may not keep. It never
// knows Redis or what a session is.
package cookie
