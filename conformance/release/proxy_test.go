//go:build testall

package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/mod/module"
	"golang.org/x/mod/zip"
)

// writeProxy writes the released modules at version into dir, in the form of a module proxy:
// GOPROXY=file://DIR serves them. They are made from the files of the checkout as they are now, as
// the go command makes them from a tag.
func (r repository) writeProxy(ctx context.Context, dir, version string) error {
	for _, m := range r.released() {
		if err := r.writeModule(ctx, dir, module.Version{Path: root + m, Version: version}); err != nil {
			return fmt.Errorf("release: %s: %w", m, err)
		}
	}
	return nil
}

func (r repository) writeModule(ctx context.Context, dir string, v module.Version) error {
	escaped, err := module.EscapePath(v.Path)
	if err != nil {
		return err
	}
	to := filepath.Join(dir, filepath.FromSlash(escaped), "@v")
	if err := os.MkdirAll(to, 0o755); err != nil {
		return err
	}
	m := strings.TrimPrefix(v.Path, root)
	mod, err := os.ReadFile(r.path(m, "go.mod"))
	if err != nil {
		return err
	}
	info, err := json.Marshal(struct {
		Version string
		Time    time.Time
	}{v.Version, time.Now().UTC()})
	if err != nil {
		return err
	}
	for name, content := range map[string][]byte{"list": []byte(v.Version + "\n"), v.Version + ".mod": mod, v.Version + ".info": info} {
		if err := os.WriteFile(filepath.Join(to, name), content, 0o644); err != nil {
			return err
		}
	}
	archive, err := os.Create(filepath.Join(to, v.Version+".zip"))
	if err != nil {
		return err
	}
	defer archive.Close()
	files, err := r.moduleFiles(ctx, m)
	if err != nil {
		return err
	}
	if err := zip.Create(archive, v, files); err != nil {
		return err
	}
	return archive.Close()
}

// moduleFiles are the files of the module in the folder m: not those of modules below it, and not those that git does
// not track. In a copy of the files that is no clone, nobody knows the latter. A module without a LICENSE has that of
// the repository, as the go command does it.
func (r repository) moduleFiles(ctx context.Context, m string) ([]zip.File, error) {
	from := r.path(m)
	checked, err := zip.CheckDir(from)
	if err != nil {
		return nil, err
	}
	tracked := make(map[string]bool)
	if r.isClone() {
		list, err := r.git(ctx, "", "ls-files", "-z", "--", m)
		if err != nil {
			return nil, err
		}
		for name := range strings.SplitSeq(list, "\x00") {
			tracked[strings.TrimPrefix(name, m+"/")] = true
		}
	}
	var files []zip.File
	for _, name := range checked.Valid {
		// CheckDir gives names with from before them.
		relative, err := filepath.Rel(from, name)
		if err != nil {
			return nil, err
		}
		if relative = filepath.ToSlash(relative); tracked[relative] || !r.isClone() {
			files = append(files, file{relative, name})
		}
	}
	if !slices.ContainsFunc(files, func(f zip.File) bool { return f.Path() == "LICENSE" }) {
		files = append(files, file{"LICENSE", r.path("LICENSE")})
	}
	return files, nil
}

// A release lacks what git does not track, as a file that .gitignore names.
func TestModuleFiles(t *testing.T) {
	t.Parallel()
	r := small(t)
	write(t, r.dir, ".gitignore", "*.out\n")
	write(t, r.dir, "core/testdata/a b.txt", "tracked\n")
	write(t, r.dir, "core/gone.go", "package core\n")
	write(t, r.dir, "core/tool/go.mod", "module "+root+"core/tool\n")
	r.commit(t)
	write(t, r.dir, "core/session/page.out", "ignored\n")
	write(t, r.dir, "core/session/new.go", "package session\n")
	write(t, r.dir, "core/tool/tool.go", "package tool\n")
	if err := os.Remove(r.path("core", "gone.go")); err != nil {
		t.Fatal(err)
	}
	names := func() []string {
		files, err := r.moduleFiles(t.Context(), "core")
		if err != nil {
			t.Fatal(err)
		}
		var names []string
		for _, f := range files {
			names = append(names, f.Path())
		}
		slices.Sort(names)
		return names
	}
	want := []string{"LICENSE", "go.mod", "internal/store/store.go", "session/session.go", "testdata/a b.txt"}
	if is := names(); !slices.Equal(is, want) {
		t.Errorf("in a clone, the files of core are %q, want %q", is, want)
	}
	if err := os.RemoveAll(r.path(".git")); err != nil {
		t.Fatal(err)
	}
	if is := names(); !slices.Contains(is, "session/page.out") {
		t.Errorf("in a copy, the files of core are %q", is)
	}
}

// file is a file of a module: its name there, and where it is.
type file struct{ name, from string }

func (f file) Path() string                 { return f.name }
func (f file) Lstat() (os.FileInfo, error)  { return os.Lstat(f.from) }
func (f file) Open() (io.ReadCloser, error) { return os.Open(f.from) }
