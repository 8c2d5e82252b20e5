// Command release makes a release of berth: one version for all modules that users fetch. It pushes nothing.
//
//	release prepare VERSION  check what a release needs, and have every go.mod require its siblings at VERSION
//	release tag VERSION      check that again, commit what prepare changed, and tag the modules
//	release apidiff          tell how the public packages differ from the last release
//	release api              write the exported names of all public packages into api, for review
//
// make release runs the first two, and tests and checks between them. CONTRIBUTING.md says when.
//
// It knows git, the files go.work, go.mod and CHANGELOG.md, and how the go command makes a module from a tag. It
// never knows what the modules do. It is a module of its own, so that what it needs stays out of everyone
// else's go.sum.
package main
