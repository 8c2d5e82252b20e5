package docs

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// copies are the pages that have their Go from files which are built and tested. A page has each file of whole, at
// least from its imports on. If it has from too, it has no other Go than from there and from whole.
var copies = map[string]struct{ whole, from []string }{
	"docs/comparison.md": {from: []string{"conformance/bench/login/*/*.go"}},
	"docs/gorilla.md":    {whole: []string{"conformance/stores/withuser_test.go"}},
	"docs/moving-from-fiber.md": {
		whole: []string{"conformance/stores/moves/fiber/*.go", "conformance/stores/moves/fiber3/*.go"},
		from:  []string{"conformance/stores/moves/fiber*/*.go"},
	},
	"docs/moving-from-gin-contrib.md": {
		whole: []string{"conformance/stores/moves/gincontrib/before.go", "conformance/stores/moves/gincontrib/after.go"},
		from:  []string{"conformance/stores/moves/gincontrib/*.go"},
	},
	"docs/moving-from-gorilla.md": {
		whole: []string{"conformance/stores/moves/gorilla/before.go", "conformance/stores/moves/gorilla/after.go"},
		from:  []string{"conformance/stores/moves/gorilla/*.go"},
	},
	"docs/moving-from-scs.md": {
		whole: []string{"conformance/stores/moves/scs/*.go"},
		from:  []string{"conformance/stores/moves/scs/*.go"},
	},
	"docs/redis.md": {whole: []string{"examples/companion/companion.go"}},
	"docs/testing.md": {
		whole: []string{
			"examples/handlertests/nethttp_test.go", "examples/handlertests/chi_test.go", "examples/handlertests/gin_test.go",
			"examples/handlertests/echo_test.go", "examples/handlertests/fiber_test.go",
		},
		from: []string{"examples/handlertests/*_test.go"},
	},
}

// files are the texts of the files that match patterns from the root, by their names.
func files(t *testing.T, patterns []string) map[string]string {
	t.Helper()
	all := map[string]string{}
	for _, pattern := range patterns {
		names, err := filepath.Glob(filepath.Join(top, pattern))
		if err != nil || len(names) == 0 {
			t.Errorf("no file is %s (%v)", pattern, err)
		}
		for _, name := range names {
			text, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			all[name] = string(text)
		}
	}
	return all
}

// lacks says that a page has not the whole of a file.
func (p page) lacks(name, text string) error {
	_, code, _ := strings.Cut(text, "\n)\n\n")
	for _, b := range p.blocks {
		if b.language == "go" && (b.code == text || b.code == code) {
			return nil
		}
	}
	return fmt.Errorf("%s does not have %s, from its imports on: copy it", p.name, name)
}

// foreign says which Go of a page is in none of the files.
func (p page) foreign(all map[string]string) (found []error) {
	for _, b := range p.blocks {
		in := b.language != "go"
		for _, text := range all {
			in = in || strings.Contains(text, b.code)
		}
		if !in {
			found = append(found, fmt.Errorf("%s: no file has this code: copy it from its file:\n%s", b, b.code))
		}
	}
	return found
}

func TestCopies(t *testing.T) {
	t.Parallel()
	count := 0
	for _, p := range readPages(t) {
		from, is := copies[p.name]
		if !is {
			continue
		}
		count++
		for name, text := range files(t, from.whole) {
			if err := p.lacks(name, text); err != nil {
				t.Error(err)
			}
		}
		if len(from.from) > 0 {
			for _, err := range p.foreign(files(t, from.from)) {
				t.Error(err)
			}
		}
	}
	if count != len(copies) {
		t.Errorf("%d pages of %d are there", count, len(copies))
	}
}

// The quick start of the README is one of the examples, whose tests send it requests.
func TestQuickStart(t *testing.T) {
	t.Parallel()
	examples := files(t, []string{"examples/*/main.go", "examples/*/*/main.go"})
	for _, p := range readPages(t) {
		for _, b := range p.blocks {
			if p.name != "README.md" || b.language != "go" || !strings.Contains("\n"+b.code, "\npackage main\n") {
				continue
			}
			one := page{name: p.name, blocks: []block{b}}
			for _, err := range one.foreign(examples) {
				t.Error(err)
			}
		}
	}
}

func TestNoCopy(t *testing.T) {
	t.Parallel()
	const file = "package a\n\nimport (\n\t\"fmt\"\n)\n\nfunc f() {\n\tfmt.Println()\n}\n"
	p := readPage("a.md", []byte("```go\nfunc f() {\n\tfmt.Println()\n}\n```\n"))
	if err := p.lacks("a.go", file); err != nil {
		t.Error(err)
	}
	if found := p.foreign(map[string]string{"a.go": file}); len(found) > 0 {
		t.Error(found)
	}
	other := strings.ReplaceAll(file, "Println()", "Println(1)")
	if p.lacks("a.go", other) == nil || len(p.foreign(map[string]string{"a.go": other})) != 1 {
		t.Error("code that differs is a copy")
	}
}
