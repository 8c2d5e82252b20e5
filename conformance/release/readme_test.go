package main

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// Each module has a README. Whoever finds a released one at pkg.go.dev learns there how
// to get it, and what a program with it looks like.
func TestReadmes(t *testing.T) {
	t.Parallel()
	r := here(t)
	for _, m := range r.released() {
		text, path := read(t, r.dir, m, "README.md"), m
		if m == "core" {
			path = "core/httpsession" // core itself is no package, so go get would fetch nothing that it needs
		}
		for _, want := range []string{"\n    go get " + root + path + "\n", "```go\npackage "} {
			if !strings.Contains(text, want) {
				t.Errorf("%s/README.md lacks %q", m, want)
			}
		}
	}
	for _, m := range unreleased {
		if text := read(t, r.dir, m, "README.md"); !strings.Contains(strings.Join(strings.Fields(text), " "), "has no releases") {
			t.Errorf("%s/README.md does not say that the module has no releases", m)
		}
	}
}

// The package page of every released module has an example that runs.
func TestExamples(t *testing.T) {
	t.Parallel()
	r := here(t)
	for _, m := range r.released() {
		found := false
		err := filepath.WalkDir(r.path(m), func(name string, _ fs.DirEntry, err error) error {
			if err == nil && strings.HasSuffix(name, "_test.go") {
				code := read(t, name)
				found = found || strings.Contains(code, "\nfunc Example") && strings.Contains(code, "\t// Output:")
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		if !found {
			t.Errorf("%s has no example with output", m)
		}
	}
}

// Package pages are read far from the repository, so what they say of its files is a link.
func TestDocLinks(t *testing.T) {
	t.Parallel()
	r := here(t)
	const blob = "https://github.com/berthgo/berth/blob/HEAD/"
	link := regexp.MustCompile(regexp.QuoteMeta(blob) + `(\S+)`)
	found := 0
	for _, m := range r.released() {
		err := filepath.WalkDir(r.path(m), func(name string, _ fs.DirEntry, err error) error {
			if err != nil || !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go") {
				return err
			}
			for _, to := range link.FindAllStringSubmatch(read(t, name), -1) {
				found++
				if _, err := os.Stat(r.path(to[1])); err != nil {
					t.Errorf("%s: the link %s leads nowhere", name, to[0])
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if found == 0 {
		t.Errorf("no package page has a link that begins with %s", blob)
	}
}
