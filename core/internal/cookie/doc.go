// Package cookie knows the headers that a session cookie has to do with. It reads from a request the IDs in
// its cookies, and whether the client came by HTTPS. It makes the text of Set-Cookie, which session.SetHeaders sends, checks what is set up for it, and
// tells caches what they may not keep. It never knows Redis or what a session is.
package cookie
