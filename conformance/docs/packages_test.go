package docs

import (
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/tools/go/packages"
)

// others are the packages that blocks may use without importing them, besides those of the standard library and of
// this repository, and those of the standard library whose names others have too.
var others = []string{
	"github.com/boj/redistore",
	"github.com/gin-gonic/gin",
	"github.com/go-chi/chi/v5",
	"github.com/gofiber/fiber/v2",
	"github.com/labstack/echo/v4",
	"github.com/prometheus/client_golang/prometheus",
	"github.com/redis/go-redis/extra/redisotel/v9",
	"github.com/redis/go-redis/v9",
	"crypto/rand",
	"html/template",
}

// majors are the packages that a block gets for one of that name, if it uses an adapter.
var majors = map[string]string{
	"echo5session":  "github.com/labstack/echo/v5",
	"fiber3session": "github.com/gofiber/fiber/v3",
}

// checker checks blocks of Go.
type checker struct {
	packages map[string]*types.Package    // by their paths
	paths    map[string]string            // by the names of packages
	names    map[string]string            // declarations of what all pages use without declaring it, by name
	declared map[string]map[string]string // the same of one page, and what its blocks declare
}

// workspace is an environment in which the go command sees all modules of the repository, whatever that of the test is.
func workspace(t *testing.T) []string {
	t.Helper()
	work, err := filepath.Abs(top + "/go.work")
	if err != nil {
		t.Fatal(err)
	}
	return append(os.Environ(), "GOWORK="+work)
}

// list has the go command list what the packages of the workspace are.
func list(t *testing.T, patterns ...string) []string {
	t.Helper()
	const public = `{{if ne .Name "main"}}{{.ImportPath}}{{end}}`
	command := exec.CommandContext(t.Context(), "go", append([]string{"list", "-f", public}, patterns...)...)
	command.Dir, command.Env = top, workspace(t)
	command.Stderr = os.Stderr
	out, err := command.Output()
	if err != nil {
		t.Fatal(err)
	}
	return strings.Fields(string(out))
}

// newChecker loads the packages that the blocks of some pages may use.
func newChecker(t *testing.T, pages []page) *checker {
	t.Helper()
	c := &checker{
		packages: map[string]*types.Package{}, paths: map[string]string{}, names: map[string]string{},
		declared: map[string]map[string]string{},
	}
	var all strings.Builder // all code
	source, err := os.ReadFile("testdata/names.go")
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range pieces(t, string(source)) {
		c.names[name] = text
		fmt.Fprintln(&all, text)
	}
	wanted := slices.DeleteFunc(list(t, "std", "github.com/berthgo/berth/..."), func(p string) bool {
		return strings.Contains("/"+p+"/", "/internal/") || strings.HasPrefix(p, "vendor/") ||
			strings.HasPrefix(p, "github.com/berthgo/berth/conformance") || strings.HasPrefix(p, "github.com/berthgo/berth/examples")
	})
	always := slices.Clone(others)
	for _, major := range majors {
		always = append(always, major)
	}
	for _, p := range pages {
		c.declared[p.name] = map[string]string{}
		if source, err := os.ReadFile(leftOut(p.name)); err == nil {
			c.declared[p.name] = pieces(t, string(source))
			fmt.Fprintln(&all, string(source))
		} else if !errors.Is(err, fs.ErrNotExist) {
			t.Fatal(err)
		}
		for _, b := range p.blocks {
			if b.language != "go" {
				continue
			}
			fmt.Fprintln(&all, b.code)
			if file, err := parser.ParseFile(token.NewFileSet(), "", b.code, parser.ImportsOnly); err == nil {
				for _, spec := range file.Imports {
					always = append(always, strings.Trim(spec.Path.Value, `"`))
				}
			} else if file, err := parser.ParseFile(token.NewFileSet(), "", "package p;"+b.code, 0); err == nil {
				for name := range declarations(file) {
					c.declared[p.name][name] = b.code
				}
			}
		}
	}
	code := all.String()
	wanted = slices.DeleteFunc(wanted, func(p string) bool { return !strings.Contains(code, path.Base(p)+".") })
	wanted = append(wanted, always...)
	slices.Sort(always)
	loaded, err := packages.Load(&packages.Config{
		Mode: packages.NeedName | packages.NeedTypes | packages.NeedExportFile, Dir: top, Env: workspace(t), Context: t.Context(),
	}, slices.Compact(wanted)...)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range loaded {
		for _, err := range p.Errors {
			t.Errorf("%s: %v", p.PkgPath, err)
		}
		c.packages[p.PkgPath] = p.Types
	}
	for _, p := range append(wanted, others...) { // others come last, and win
		if loaded := c.packages[p]; loaded != nil {
			c.paths[loaded.Name()] = p
		}
	}
	return c
}

// leftOut is the file that declares what the code of one page leaves out.
func leftOut(page string) string {
	return "testdata/" + strings.ReplaceAll(strings.TrimSuffix(page, ".md"), "/", "_") + ".go"
}

// pieces are the declarations of a file, each by the names that it declares.
func pieces(t *testing.T, source string) map[string]string {
	t.Helper()
	files := token.NewFileSet()
	file, err := parser.ParseFile(files, "", source, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]string{}
	for _, d := range file.Decls {
		one := &ast.File{Decls: []ast.Decl{d}}
		for name := range declarations(one) {
			all[name] = source[files.Position(d.Pos()).Offset:files.Position(d.End()).Offset]
		}
	}
	return all
}

// declarations are the names that a file declares for all of its package.
func declarations(file *ast.File) map[string]bool {
	all := map[string]bool{}
	for _, d := range file.Decls {
		switch d := d.(type) {
		case *ast.FuncDecl:
			if d.Recv == nil && d.Name.Name != "_" {
				all[d.Name.Name] = true
			}
		case *ast.GenDecl:
			for _, spec := range d.Specs {
				switch spec := spec.(type) {
				case *ast.TypeSpec:
					all[spec.Name.Name] = true
				case *ast.ValueSpec:
					for _, name := range spec.Names {
						all[name.Name] = true
					}
				}
			}
		}
	}
	return all
}
