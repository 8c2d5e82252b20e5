// Package others has no code but a test: it runs the same site under berth and under five other
// session libraries, over HTTP and against a real Redis. For each row of the table in docs/others.md
// it sees what each library does, and fails if the page says something else.
package others
