package main

import (
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// The folder api has every exported name of every public package. So each change of the API shows in a diff, before
// the first release too, when there is nothing that apidiff could compare with.
func TestAPI(t *testing.T) {
	t.Parallel()
	is, err := here(t).api()
	if err != nil {
		t.Fatal(err)
	}
	files, err := os.ReadDir("api")
	if err != nil {
		t.Fatal(err)
	}
	was := make(map[string]string)
	for _, f := range files {
		was[f.Name()] = read(t, "api", f.Name())
	}
	names := slices.Sorted(maps.Keys(is))
	for name := range was {
		if is[name] == "" {
			names = append(names, name)
		}
	}
	for _, name := range names {
		added, removed := without(is[name], was[name]), without(was[name], is[name])
		if len(added)+len(removed) > 0 {
			t.Errorf("conformance/release/api/%s does not say what the package exports. If that is meant, run make api.\nnew:\n  %s\ngone:\n  %s",
				name, strings.Join(added, "\n  "), strings.Join(removed, "\n  "))
		}
	}
	for _, name := range []string{"core-session.txt", "adapters-ginsession.txt", "conformance.txt"} {
		if is[name] == "" {
			t.Errorf("there is no %s", name)
		}
	}
}

// without returns the lines of a that b lacks.
func without(a, b string) []string {
	had := strings.Split(b, "\n")
	return slices.DeleteFunc(strings.Split(a, "\n"), func(line string) bool { return slices.Contains(had, line) || line == "" })
}

func TestExported(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write(t, dir, "a_windows.go", `package a

import "io"

// Kind is documented.
type Kind int

const (
	One Kind = iota
	Two
	three
)

var A, b = 1, 2

type Box[T any] struct {
	io.Reader
	In, Out T // a comment
	hidden  int
}

func (b *Box[T]) Open(n int) (
	T, error) { return b.In, nil }
func (b Box[T]) close() {}

type Shape interface {
	Area(unit string) float64
	private()
}

type Alias = Kind

func New[T any](in T) *Box[T] { return nil }

type inner struct{ Field int }

func (inner) Method() {}
`)
	write(t, dir, "a_test.go", "package a\n\nfunc TestOnly() {}\n")
	want := []string{
		"const One Kind", "const Two Kind",
		"func (*Box[T]) Open(n int) (T, error)",
		"func New[T any](in T) *Box[T]",
		"type Alias = Kind",
		"type Box[T any] struct", "type Box[T any] struct, In T", "type Box[T any] struct, Out T", "type Box[T any] struct, embedded io.Reader",
		"type Kind int",
		"type Shape interface", "type Shape interface, Area(unit string) float64",
		"var A",
	}
	if got, err := exported(dir); err != nil || !slices.Equal(got, want) {
		t.Errorf("got %v\n%s\nwant\n%s", err, strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func TestWriteAPI(t *testing.T) {
	t.Parallel()
	r := small(t)
	write(t, r.dir, "conformance/release/api/core-gone.txt", "func Gone()\n")
	if err := run(t.Context(), r.dir, []string{"api"}, io.Discard); err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(r.path("conformance/release/api/*"))
	if err != nil {
		t.Fatal(err)
	}
	if len(files) != 1 || read(t, files[0]) != "func New() int\n" || filepath.Base(files[0]) != "core-session.txt" {
		t.Errorf("api has %v", files)
	}
}
