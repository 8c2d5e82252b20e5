package main

import (
	"io"
	"slices"
	"strings"
	"testing"

	"golang.org/x/mod/semver"
)

// What users fetch has no replace lines. So each module must require its siblings at a version that will be there.
func TestSiblings(t *testing.T) {
	t.Parallel()
	r := here(t)
	version := r.version(t)
	if semver.Canonical(version) != version || version == "v0.0.0" {
		t.Errorf("the modules require each other at %q, which is no version of a release", version)
	}
	if err := r.wrongVersions(version); err != nil {
		t.Error(err)
	}
	for _, m := range r.modules {
		_, file, err := r.goMod(m + "/go.mod")
		if err != nil {
			t.Fatal(err)
		}
		if file.Module.Mod.Path != root+m {
			t.Errorf("%s/go.mod is of the module %s, want %s", m, file.Module.Mod.Path, root+m)
		}
		if m == "core" && len(file.Replace) > 0 {
			t.Error("core/go.mod has a replace line, so go install of core/cmd/berthctl fails for users")
		}
		for _, sibling := range siblings(file) {
			if slices.Contains(unreleased, strings.TrimPrefix(sibling.Mod.Path, root)) && !slices.Contains(unreleased, m) {
				t.Errorf("%s is released, and requires %s, which is not", m, sibling.Mod.Path)
			}
		}
	}
}

// version is the version at which the modules require core.
func (r repository) version(t *testing.T) string {
	t.Helper()
	_, file, err := r.goMod("adapters/ginsession/go.mod")
	if err != nil {
		t.Fatal(err)
	}
	return siblings(file)[0].Mod.Version
}

func TestReleased(t *testing.T) {
	t.Parallel()
	r := here(t)
	released := r.released()
	for _, want := range []string{"core", "conformance", "adapters/ginsession"} {
		if !slices.Contains(released, want) {
			t.Errorf("%s is not released", want)
		}
	}
	for _, m := range unreleased {
		if !slices.Contains(r.modules, m) {
			t.Errorf("unreleased lists %s, which go.work does not", m)
		}
	}
	if len(released)+len(unreleased) != len(r.modules) {
		t.Errorf("of %d modules, %d are released and %d are not", len(r.modules), len(released), len(unreleased))
	}
}

func TestRelease(t *testing.T) {
	t.Parallel()
	r := small(t)
	if err := run(t.Context(), r.dir, []string{"prepare", "v0.1.0"}, io.Discard); err != nil {
		t.Fatal(err)
	}
	for _, m := range []string{"adapters/muxsession", "examples"} {
		if mod := read(t, r.dir, m, "go.mod"); !strings.Contains(mod, "core v0.1.0") || !strings.Contains(mod, "replace") {
			t.Errorf("%s/go.mod after prepare:\n%s", m, mod)
		}
	}
	var out strings.Builder
	if err := run(t.Context(), r.dir, []string{"tag", "v0.1.0"}, &out); err != nil {
		t.Fatal(err)
	}
	if tags := r.mustGit(t, "tag", "--points-at", "HEAD"); tags != "adapters/muxsession/v0.1.0\ncore/v0.1.0" {
		t.Errorf("the last commit has the tags %q", tags)
	}
	if files := r.mustGit(t, "show", "--name-only", "--format=", "HEAD"); files != "adapters/muxsession/go.mod\nexamples/go.mod" {
		t.Errorf("the commit of the release changes %q", files)
	}
	if left := r.mustGit(t, "status", "--porcelain"); left != "" {
		t.Errorf("after the release, git status says %q", left)
	}
	if want := "git push --atomic origin HEAD adapters/muxsession/v0.1.0 core/v0.1.0\n"; !strings.Contains(out.String(), want) {
		t.Errorf("tag printed %q, want in it %q", out.String(), want)
	}
	// CONTRIBUTING.md has all checks before the release: what comes after it is the push.
	if strings.Contains(out.String(), ".ci/run") {
		t.Errorf("tag asks for checks: %q", out.String())
	}
	if err := run(t.Context(), r.dir, []string{"tag", "v0.1.0"}, io.Discard); err == nil || !strings.Contains(err.Error(), "the last release is v0.1.0") {
		t.Errorf("the same release again: %v", err)
	}
}

func TestPrepareRefuses(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, version, file, content, want string }{
		{"no version", "", "", "", `the version is ""`},
		{"no v", "0.1.0", "", "", "it must be like v0.1.0"},
		{"two numbers", "v0.1", "", "", "it must be like v0.1.0"},
		{"a second major version", "v2.0.0", "", "", "must end in /v2"},
		{"no section", "v0.2.0", "", "", `needs a section "## [0.2.0] - YYYY-MM-DD"`},
		{"a section without a date", "v0.1.0", "CHANGELOG.md", "## [0.1.0]\n\n- Sessions.\n", "needs a section"},
		{"an empty section", "v0.1.0", "CHANGELOG.md", "## [0.1.0] - 2026-01-02\n\n## [0.0.1] - 2026-01-01\n\n- Sessions.\n", "is empty"},
		{"a line under Unreleased", "v0.1.0", "CHANGELOG.md", "## [Unreleased]\n\n- More.\n\n## [0.1.0] - 2026-01-02\n\n- Sessions.\n", "under Unreleased"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			r := small(t)
			if c.file != "" {
				write(t, r.dir, c.file, c.content)
				r.commit(t)
			}
			for _, command := range []string{"prepare", "tag"} {
				if err := run(t.Context(), r.dir, []string{command, c.version}, io.Discard); err == nil || !strings.Contains(err.Error(), c.want) {
					t.Errorf("%s: got %v, want an error with %q", command, err, c.want)
				}
			}
			if left := r.mustGit(t, "status", "--porcelain"); left != "" {
				t.Errorf("what was refused changed files: %q", left)
			}
		})
	}
}

func TestPrepareWantsAllCommitted(t *testing.T) {
	t.Parallel()
	r := small(t)
	write(t, r.dir, "core/new.go", "package core\n")
	if err := r.prepare(t.Context(), "v0.1.0", io.Discard); err == nil || !strings.Contains(err.Error(), "commit these files first, or remove them: core/new.go") {
		t.Errorf("prepare: %v", err)
	}
	if err := r.tag(t.Context(), "v0.1.0", io.Discard); err == nil || !strings.Contains(err.Error(), "core/new.go has changed") {
		t.Errorf("tag: %v", err)
	}
}

// A release that stopped between prepare and tag leaves go.mod files. The next one says how to undo them.
func TestPrepareSaysHowToUndo(t *testing.T) {
	t.Parallel()
	r := small(t)
	if err := r.prepare(t.Context(), "v0.1.0", io.Discard); err != nil {
		t.Fatal(err)
	}
	err := r.prepare(t.Context(), "v0.1.0", io.Discard)
	if err == nil || !strings.Contains(err.Error(), `run git checkout -- "*go.mod": adapters/muxsession/go.mod, examples/go.mod`) {
		t.Errorf("prepare after prepare: %v", err)
	}
	r.mustGit(t, "checkout", "--", "*go.mod")
	if left := r.mustGit(t, "status", "--porcelain"); left != "" {
		t.Errorf("after that, git status says %q", left)
	}
	if err := r.prepare(t.Context(), "v0.1.0", io.Discard); err != nil {
		t.Fatal(err)
	}
	write(t, r.dir, "core/new.go", "package core\n")
	if err := r.prepare(t.Context(), "v0.1.0", io.Discard); err == nil || strings.Contains(err.Error(), "git checkout") {
		t.Errorf("prepare with another file: %v", err)
	}
}

func TestTagWantsVersions(t *testing.T) {
	t.Parallel()
	r := small(t)
	if err := r.tag(t.Context(), "v0.1.0", io.Discard); err == nil || !strings.Contains(err.Error(), "core@v0.0.0, not v0.1.0: run release prepare v0.1.0") {
		t.Errorf("tag without prepare: %v", err)
	}
}

// If one tag cannot be made, none is.
func TestTagsAllOrNone(t *testing.T) {
	t.Parallel()
	r := small(t)
	r.mustGit(t, "tag", "adapters/muxsession/v0.1.0")
	if err := r.prepare(t.Context(), "v0.1.0", io.Discard); err != nil {
		t.Fatal(err)
	}
	if err := r.tag(t.Context(), "v0.1.0", io.Discard); err == nil || !strings.Contains(err.Error(), "git reset --keep HEAD^") {
		t.Errorf("a tag that was there: %v", err)
	}
	r.mustGit(t, "reset", "--keep", "HEAD^")
	if mod := read(t, r.dir, "examples", "go.mod"); !strings.Contains(mod, "core v0.0.0") {
		t.Errorf("after the advice of tag, examples/go.mod is\n%s", mod)
	}
	if tags := r.mustGit(t, "tag"); tags != "adapters/muxsession/v0.1.0" {
		t.Errorf("there are the tags %q", tags)
	}
}

func TestArguments(t *testing.T) {
	t.Parallel()
	r := small(t)
	for _, args := range [][]string{{}, {"prepare"}, {"tag"}, {"api", "x"}, {"push", "v0.1.0"}} {
		if err := run(t.Context(), r.dir, args, io.Discard); err == nil || !strings.Contains(err.Error(), "the arguments are") {
			t.Errorf("%q: %v", args, err)
		}
	}
	if err := run(t.Context(), t.TempDir(), []string{"apidiff"}, io.Discard); err == nil || !strings.Contains(err.Error(), "needs a checkout") {
		t.Errorf("outside a checkout: %v", err)
	}
}
