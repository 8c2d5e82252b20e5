//go:build testall

package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"golang.org/x/mod/module"
	"golang.org/x/mod/zip"
)

// writeProxy writes the released modules at version into dir, in the form of a module proxy:
// GOPROXY=file://DIR serves them. They are made from the files of the checkout as they are now, as
// the go command makes them from a tag.
func (r repository) writeProxy(dir, version string) error {
	for _, m := range r.released() {
		if err := r.writeModule(dir, module.Version{Path: root + m, Version: version}); err != nil {
			return fmt.Errorf("release: %s: %w", m, err)
		}
	}
	return nil
}

func (r repository) writeModule(dir string, v module.Version) error {
	escaped, err := module.EscapePath(v.Path)
	if err != nil {
		return err
	}
	to := filepath.Join(dir, filepath.FromSlash(escaped), "@v")
	if err := os.MkdirAll(to, 0o755); err != nil {
		return err
	}
	from := r.path(strings.TrimPrefix(v.Path, root))
	mod, err := os.ReadFile(filepath.Join(from, "go.mod"))
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
	files, err := r.moduleFiles(from)
	if err != nil {
		return err
	}
	if err := zip.Create(archive, v, files); err != nil {
		return err
	}
	return archive.Close()
}

// moduleFiles are the files of the module in the folder from: not those of modules below it. A module without a
// LICENSE has that of the repository, as the go command does it.
func (r repository) moduleFiles(from string) ([]zip.File, error) {
	checked, err := zip.CheckDir(from)
	if err != nil {
		return nil, err
	}
	var files []zip.File
	for _, name := range checked.Valid {
		// CheckDir gives names with from before them.
		relative, err := filepath.Rel(from, name)
		if err != nil {
			return nil, err
		}
		files = append(files, file{filepath.ToSlash(relative), name})
	}
	if !slices.ContainsFunc(files, func(f zip.File) bool { return f.Path() == "LICENSE" }) {
		files = append(files, file{"LICENSE", r.path("LICENSE")})
	}
	return files, nil
}

// file is a file of a module: its name there, and where it is.
type file struct{ name, from string }

func (f file) Path() string                 { return f.name }
func (f file) Lstat() (os.FileInfo, error)  { return os.Lstat(f.from) }
func (f file) Open() (io.ReadCloser, error) { return os.Open(f.from) }
