package login_test

import (
	"errors"
	"fmt"
	"go/parser"
	"go/scanner"
	"go/token"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// page compares the libraries, and has the figures.
const page = "../../../docs/comparison.md"

// TestLines counts the lines of each application. berth's are the shortest, and the page has the
// same figures.
func TestLines(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	lines := map[string]int{}
	for _, a := range applications {
		file := filepath.Join(a.folder, a.folder+".go")
		source, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if all, err := filepath.Glob(filepath.Join(a.folder, "*")); err != nil || len(all) != 1 {
			t.Errorf("%s has the files %v (%v): only one is counted", a.folder, all, err)
		}
		n, err := countLines(source)
		if err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		lines[a.folder] = n
		t.Logf("%s: %d lines", file, n)
		if row := fmt.Sprintf("](../conformance/bench/login/%s/%s.go) | %d |", a.folder, a.folder, n); !strings.Contains(string(text), row) {
			t.Errorf("docs/comparison.md has another figure for %s, or no row that ends with %q: write the figure there", a.folder, row)
		}
	}
	for _, own := range []string{"berth", "berthgin"} {
		for _, other := range []string{"scs", "gincontrib"} {
			if lines[own] >= lines[other] {
				t.Errorf("%s has %d lines, %s has %d: berth's should be the shortest", own, lines[own], other, lines[other])
			}
		}
	}
}

// countLines counts the lines that have code. Blank lines, comments and imports are not counted.
func countLines(source []byte) (int, error) {
	files := token.NewFileSet()
	parsed, err := parser.ParseFile(files, "", source, parser.ImportsOnly)
	if err != nil {
		return 0, err
	}
	imports := map[int]bool{}
	for _, d := range parsed.Decls { // with ImportsOnly there are no others
		for line := files.Position(d.Pos()).Line; line <= files.Position(d.End()).Line; line++ {
			imports[line] = true
		}
	}
	var failed error
	var s scanner.Scanner
	file := files.AddFile("", files.Base(), len(source))
	s.Init(file, source, func(at token.Position, message string) {
		failed = errors.Join(failed, fmt.Errorf("%v: %s", at, message))
	}, 0) // without comments
	code := map[int]bool{}
	for {
		pos, tok, text := s.Scan()
		if tok == token.EOF {
			return len(code), failed
		}
		if tok == token.SEMICOLON && text == "\n" {
			continue // gofmt does not write it
		}
		first := file.Line(pos)
		for line := first; line <= first+strings.Count(text, "\n"); line++ {
			if !imports[line] {
				code[line] = true
			}
		}
	}
}

func TestCountLines(t *testing.T) {
	t.Parallel()
	for source, want := range map[string]int{
		"package a\n": 1,
		"// Package a.\npackage a\n\nimport \"fmt\"\n":                          1,
		"package a\n\nimport (\n\t\"fmt\"\n\n\t\"os\"\n)\n\nvar x = 1 // one\n": 2,
		"package a\n\n/*\nlong\n*/\nfunc f() {\n\n\tg()\n}\n":                   4,
		"package a\n\nvar s = `one\n\nthree`\n":                                 4,
	} {
		if got, err := countLines([]byte(source)); err != nil || got != want {
			t.Errorf("%q has %d lines (%v), want %d", source, got, err, want)
		}
	}
	if _, err := countLines([]byte("package a\n\nvar s = \"open\n")); err == nil {
		t.Error("source that is no Go is counted")
	}
}
