// Package watch tells who watches a session that the session has ended, that its ID was rotated, or that
// another user has it.
//
// A process looks at all watched sessions in one pipeline, every few seconds and when one may expire.
// Scripts that end a session or change whose it is publish its handle. A message says only where to look
// at once, so a lost one costs seconds. A look prolongs nothing, and nobody looks while nobody watches.
//
// The package knows proofs, principals and times. It never knows requests, values or leases.
package watch
