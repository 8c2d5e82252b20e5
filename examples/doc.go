// Package examples is the module of berth's runnable programs, one a folder.
package examples
