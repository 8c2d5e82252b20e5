package docs

import (
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/scanner"
	"go/token"
	"go/types"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// wrappings make files of blocks: of declarations, of statements, of statements that may return an error, and of an
// expression. The lines of a block stay where they are.
var wrappings = []struct{ before, after string }{
	{"", ""},
	{"func _() {", "\n}"},
	{"func _() error {", "\npanic(0)}"},
	{"var _ = ", ""},
}

// check says what is wrong with a block of Go.
func (c *checker) check(b block) []error {
	code := strings.ReplaceAll("\n"+b.code, "\n…\n", "\n\n")[1:] // a line of … stands for what is left out
	if _, err := parser.ParseFile(token.NewFileSet(), "", code, parser.PackageClauseOnly); err == nil {
		return c.whole(b, code)
	}
	var least, unparsed []error
	for i, w := range wrappings {
		parsed, found := c.part(b, w.before, code+w.after)
		switch {
		case !parsed && (i == 1 || unparsed == nil): // statements say most
			unparsed = found
		case !parsed:
		case len(found) == 0:
			return nil
		case least == nil || len(found) < len(least):
			least = found
		}
	}
	if least == nil {
		return unparsed
	}
	return least
}

// whole checks a block that has a package clause, and so its own imports.
func (c *checker) whole(b block, code string) []error {
	files := token.NewFileSet()
	file, err := parser.ParseFile(files, "block", code, parser.SkipObjectResolution)
	if err != nil {
		return []error{placed(b, err)}
	}
	return c.types(b, files, file)
}

// part checks a block that is a part of a file.
func (c *checker) part(b block, before, code string) (parsed bool, found []error) {
	files := token.NewFileSet()
	file, err := parser.ParseFile(files, "block", "package p;"+before+code, parser.SkipObjectResolution)
	if err != nil {
		return false, []error{placed(b, err)}
	}
	has := declarations(file)
	declared := c.declared[b.page]
	add := func(name, code string) (*ast.File, error) { // with the imports that it needs
		file, err := parser.ParseFile(token.NewFileSet(), name, "package p;"+code, parser.SkipObjectResolution)
		if err != nil {
			return nil, err
		}
		imported := ""
		for name := range qualifiers(file) {
			_, isName := c.names[name]
			if p := c.pathOf(name, code); p != "" && !has[name] && !isName && declared[name] == "" {
				imported += fmt.Sprintf("import %s %q;", name, p)
			}
		}
		return parser.ParseFile(files, name, "package p;"+imported+code, parser.SkipObjectResolution)
	}
	if file, err = add("block", before+code); err != nil {
		return false, []error{placed(b, err)}
	}
	all := []*ast.File{file}
	for i := 0; i < len(all); i++ { // also what those blocks need that were added
		for name := range identifiers(all[i]) {
			text := declared[name]
			if text == "" {
				text = c.names[name]
			}
			if text == "" || has[name] {
				continue
			}
			file, err := add("another", text)
			if err != nil {
				return true, []error{fmt.Errorf("%s: %s: %w", b, name, err)}
			}
			for name := range declarations(file) {
				has[name] = true
			}
			all = append(all, file)
		}
	}
	return true, c.types(b, files, all...)
}

// pathOf is the package of a name, "" if there is none.
func (c *checker) pathOf(name, code string) string {
	for adapter, major := range majors {
		if p := c.packages[major]; p != nil && p.Name() == name && strings.Contains(code, adapter+".") {
			return major
		}
	}
	return c.paths[name]
}

// identifiers are all of a file.
func identifiers(file *ast.File) map[string]bool {
	all := map[string]bool{}
	ast.Inspect(file, func(n ast.Node) bool {
		if name, is := n.(*ast.Ident); is {
			all[name.Name] = true
		}
		return true
	})
	return all
}

// qualifiers are the identifiers before the dots of a file.
func qualifiers(file *ast.File) map[string]bool {
	all := map[string]bool{}
	ast.Inspect(file, func(n ast.Node) bool {
		if selector, is := n.(*ast.SelectorExpr); is {
			if name, is := selector.X.(*ast.Ident); is {
				all[name.Name] = true
			}
		}
		return true
	})
	return all
}

type importer func(path string) (*types.Package, error)

func (i importer) Import(path string) (*types.Package, error) { return i(path) }

// types checks the types of files. The first is the block, and only its errors count. Blocks need not use what they
// declare or import.
func (c *checker) types(b block, files *token.FileSet, all ...*ast.File) []error {
	var found []error
	config := types.Config{
		Importer: importer(func(path string) (*types.Package, error) {
			if p := c.packages[path]; p != nil {
				return p, nil
			}
			return nil, errors.New("not found")
		}),
		Error: func(err error) {
			var e types.Error
			if errors.As(err, &e) && !e.Soft && files.Position(e.Pos).Filename == "block" {
				found = append(found, fmt.Errorf("%s:%d: %s", b.page, b.line+files.Position(e.Pos).Line-1, e.Msg))
			}
		},
	}
	_, _ = config.Check("p", files, all, nil)
	return found
}

// placed says where in a page an error of the parser is.
func placed(b block, err error) error {
	var all scanner.ErrorList
	if errors.As(err, &all) {
		return fmt.Errorf("%s:%d: %s", b.page, b.line+all[0].Pos.Line-1, all[0].Msg)
	}
	return fmt.Errorf("%s: %w", b, err)
}

// Each block is a whole file, or has declarations, or statements, or is an expression.
func TestGo(t *testing.T) {
	t.Parallel()
	pages := readPages(t)
	c := newChecker(t, pages)
	count := 0
	for _, p := range pages {
		for _, b := range p.blocks {
			if b.language != "go" || len(copies[p.name].from) > 0 /* TestCopies */ {
				continue
			}
			count++
			for _, err := range c.check(b) {
				t.Error(err)
			}
		}
	}
	if count < 10 {
		t.Errorf("checked %d blocks", count)
	}
}

// Each file of testdata is for a page that is there.
func TestLeftOut(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/*.go")
	if err != nil || len(files) == 0 {
		t.Fatalf("found %v (%v)", files, err)
	}
	for _, p := range readPages(t) {
		files = slices.DeleteFunc(files, func(f string) bool { return f == leftOut(p.name) || f == "testdata/names.go" })
	}
	if len(files) > 0 {
		t.Errorf("no page is that of %v", files)
	}
}

func TestWrongGo(t *testing.T) {
	t.Parallel()
	const source = "# A\n\n```go\n%s\n```\n\n```go\nconst Visits session.Key[int] = \"visits\"\n```\n"
	checker := newChecker(t, []page{readPage("docs/a.md", []byte("```go\nsession.Key fmt. fiber3session.\n```\n"))})
	for code, want := range map[string]string{
		"s.Set(\"a\", 1)": "",
		"m, err := session.New(client, session.Options{App: \"shop\"})": "",
		"n := Visits.GetOr(s, 0)":                                 "", // of another block
		"func f(c fiber.Ctx) { fiber3session.From(c).Abandon() }": "",
		"if err != nil {\n\treturn err\n}":                        "",
		"session.Options{App: \"shop\"}":                          "",
		"…\ns.Abandon()":                                          "",
		"s.Sett(\"a\", 1)":                                        "docs/a.md:4: s.Sett undefined",
		"s.Abandon()\nsession.Nothing()":                          "docs/a.md:5: undefined: session.Nothing",
		"func f() {\n\tm.Do()\n}":                                 "docs/a.md:5: not enough arguments",
		"session.Options{Apps: \"shop\"}":                         "docs/a.md:4: unknown field Apps",
		"s.Abandon(":                                              "docs/a.md:",
		"package main\n\nfunc main() { fmt.Println() }":           "docs/a.md:6: undefined: fmt",
		"package main\n\nimport \"nowhere\"":                      "docs/a.md:6: could not import nowhere",
		"var n int = somewhere.Else":                              "docs/a.md:4: undefined: somewhere",
	} {
		p := readPage("docs/a.md", fmt.Appendf(nil, source, code))
		c := *checker
		c.declared = map[string]map[string]string{p.name: {"Visits": p.blocks[1].code}}
		found := errors.Join(c.check(p.blocks[0])...)
		if got := fmt.Sprint(found); want == "" && found != nil || !strings.HasPrefix(got, want) && want != "" {
			t.Errorf("%q: found %v, want %q", code, found, want)
		}
	}
}
