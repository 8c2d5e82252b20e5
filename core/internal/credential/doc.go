// Package credential makes session IDs, and checks their form.
//
// An ID is HANDLE.SECRET. The handle names a session for life and opens nothing. The secret is
// the credential, and a rotation replaces it. Redis has neither the ID nor the secret but a
// proof: a part of the ID's hash. The package knows nothing else. Scripts compare
// proofs: see find in lib.lua of package store, and what begin.lua and load.lua do before they call it.
package credential
