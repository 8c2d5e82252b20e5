package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/mod/modfile"
)

// root is what the paths of all modules of the repository begin with.
const root = "github.com/berthgo/berth/"

// unreleased are the modules that nobody fetches: programs and tests of this repository alone.
// They get no tag. All others of go.work do.
var unreleased = []string{"conformance/bench", "conformance/docs", "conformance/faults", "conformance/release", "conformance/stores", "examples", "examples/ends"}

// repository is a checkout: the folder that has go.work, and those of its modules, as
// "adapters/ginsession".
type repository struct {
	dir     string
	modules []string
}

// open finds the modules of the checkout in dir, by its go.work.
func open(dir string) (repository, error) {
	name := filepath.Join(dir, "go.work")
	data, err := os.ReadFile(name)
	if err != nil {
		return repository{}, fmt.Errorf("release: this needs a checkout of the repository: %w", err)
	}
	work, err := modfile.ParseWork(name, data, nil)
	if err != nil {
		return repository{}, fmt.Errorf("release: %w", err)
	}
	r := repository{dir: dir}
	for _, use := range work.Use {
		r.modules = append(r.modules, strings.TrimPrefix(use.Path, "./"))
	}
	return r, nil
}

// released are the modules that users fetch.
func (r repository) released() []string {
	return slices.DeleteFunc(slices.Clone(r.modules), func(m string) bool { return slices.Contains(unreleased, m) })
}

func (r repository) path(name ...string) string {
	return filepath.Join(append([]string{r.dir}, name...)...)
}

// setVersion has the go.mod of every module require its siblings at version, and returns the
// names of the files that it changed.
func (r repository) setVersion(version string) (changed []string, err error) {
	for _, m := range r.modules {
		name := m + "/go.mod"
		before, file, err := r.goMod(name)
		if err != nil {
			return changed, err
		}
		for _, sibling := range siblings(file) {
			if err := file.AddRequire(sibling.Mod.Path, version); err != nil {
				return changed, fmt.Errorf("release: %s: %w", name, err)
			}
		}
		after, err := file.Format()
		if err != nil {
			return changed, fmt.Errorf("release: %s: %w", name, err)
		}
		if string(after) == string(before) {
			continue
		}
		if err := os.WriteFile(r.path(name), after, 0o644); err != nil {
			return changed, fmt.Errorf("release: %w", err)
		}
		changed = append(changed, name)
	}
	return changed, nil
}

// wrongVersions says which go.mod requires a sibling at another version than that.
func (r repository) wrongVersions(version string) error {
	for _, m := range r.modules {
		_, file, err := r.goMod(m + "/go.mod")
		if err != nil {
			return err
		}
		for _, sibling := range siblings(file) {
			if sibling.Mod.Version != version {
				return fmt.Errorf("release: %s/go.mod requires %s, not %s", m, sibling.Mod, version)
			}
		}
	}
	return nil
}

func (r repository) goMod(name string) ([]byte, *modfile.File, error) {
	data, err := os.ReadFile(r.path(name))
	if err != nil {
		return nil, nil, fmt.Errorf("release: %w", err)
	}
	file, err := modfile.Parse(name, data, nil)
	if err != nil {
		return nil, nil, fmt.Errorf("release: %w", err)
	}
	return data, file, nil
}

// siblings are the modules of this repository that file requires.
func siblings(file *modfile.File) []*modfile.Require {
	return slices.DeleteFunc(slices.Clone(file.Require), func(r *modfile.Require) bool { return !strings.HasPrefix(r.Mod.Path, root) })
}
