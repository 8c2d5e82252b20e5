// Package docs has no code but tests: they run the commands of the pages of this repository, compare what the pages
// show as output, check the types of their Go, parse their other blocks, and follow their links. A page whose code
// does not work any more fails them, with its name and the line.
//
// They are a module of their own, so that nothing else downloads the parsers of Markdown, shells and YAML.
package docs
