package main

import (
	"context"
	"errors"
	"fmt"
	"go/types"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/exp/apidiff"
	"golang.org/x/tools/go/packages"
)

// apidiff tells how the public packages differ from those of the last release.
func (r repository) apidiff(ctx context.Context, out io.Writer) error {
	versions, err := r.versions(ctx)
	if err != nil {
		return err
	}
	if len(versions) == 0 {
		fmt.Fprintln(out, "release: no release yet (there is no tag core/v… in this clone), so there is nothing to compare with")
		return nil
	}
	changes, err := r.changedAPI(ctx, versions[0])
	if err != nil {
		return err
	}
	for _, c := range changes {
		fmt.Fprintf(out, "%s\n%s\n", c.path, c.report)
	}
	fmt.Fprintf(out, "release: %d packages differ from %s\n", len(changes), versions[0])
	return nil
}

// packageChange is how a package differs.
type packageChange struct {
	path   string
	report apidiff.Report
}

// changedAPI compares the public packages with those of a release.
func (r repository) changedAPI(ctx context.Context, version string) (changes []packageChange, err error) {
	dir, err := os.MkdirTemp("", "berth-release-")
	if err != nil {
		return nil, fmt.Errorf("release: %w", err)
	}
	defer os.RemoveAll(dir)
	if _, err := r.git(ctx, "", "worktree", "add", "--detach", "--quiet", dir, "core/"+version); err != nil {
		return nil, err
	}
	defer func() {
		_, removed := r.git(context.WithoutCancel(ctx), "", "worktree", "remove", "--force", dir)
		err = errors.Join(err, removed)
	}()
	old, err := open(dir)
	if err != nil {
		return nil, err
	}
	before, err := old.publicTypes(ctx)
	if err != nil {
		return nil, err
	}
	after, err := r.publicTypes(ctx)
	if err != nil {
		return nil, err
	}
	for path, was := range before {
		is, there := after[path]
		if !there { // an empty package of that name lacks all that was there
			is = types.NewPackage(path, was.Name())
			is.MarkComplete()
		}
		if report := apidiff.Changes(was, is); len(report.Changes) > 0 {
			changes = append(changes, packageChange{path, report})
		}
	}
	slices.SortFunc(changes, func(a, b packageChange) int { return strings.Compare(a.path, b.path) })
	return changes, nil
}

// publicTypes loads the public packages of the released modules.
func (r repository) publicTypes(ctx context.Context) (map[string]*types.Package, error) {
	all := make(map[string]*types.Package)
	for _, m := range r.released() {
		loaded, err := packages.Load(&packages.Config{
			Context: ctx,
			Mode:    packages.NeedName | packages.NeedTypes | packages.NeedImports | packages.NeedDeps,
			Dir:     r.path(m),
			Env:     append(os.Environ(), "GOWORK=off"),
		}, "./...")
		if err != nil {
			return nil, fmt.Errorf("release: %s: %w", m, err)
		}
		for _, p := range loaded {
			if len(p.Errors) > 0 {
				return nil, fmt.Errorf("release: %s does not build: %w", p.PkgPath, p.Errors[0])
			}
			if public(p.PkgPath) && p.Name != "main" {
				all[p.PkgPath] = p.Types
			}
		}
	}
	return all, nil
}

// public reports whether programs of others may import the package at path.
func public(path string) bool {
	return !slices.Contains(strings.Split(filepath.ToSlash(path), "/"), "internal")
}
