package main

import (
	"io"
	"os"
	"strings"
	"testing"
)

// releasedThen makes a release of a small checkout, and then changes its packages session and internal/store.
func releasedThen(t *testing.T, code string) repository {
	t.Helper()
	r := small(t)
	for _, command := range []string{"prepare", "tag"} {
		if err := run(t.Context(), r.dir, []string{command, "v0.1.0"}, io.Discard); err != nil {
			t.Fatal(err)
		}
	}
	write(t, r.dir, "core/session/session.go", "package session\n\n"+code+"\n")
	write(t, r.dir, "core/internal/store/store.go", "package store\n")
	changelog := read(t, r.dir, "CHANGELOG.md")
	for _, version := range []string{"0.1.1", "0.2.0", "1.0.0"} {
		changelog += "\n## [" + version + "] - 2026-01-02\n\n- More.\n"
	}
	write(t, r.dir, "CHANGELOG.md", changelog)
	r.commit(t)
	return r
}

func TestAPIDiff(t *testing.T) {
	t.Parallel()
	const breaks, adds = "func New() string { return \"\" }", "func New() int { return 1 }\n\nfunc More() {}"
	for _, c := range []struct {
		name, code, says    string
		patch, minor, major bool // such a release is allowed
	}{
		{"nothing", "func New() int { return 2 }", "0 packages differ from v0.1.0", true, true, true},
		{"a new function", adds, "Compatible changes:\n- More: added", true, true, true},
		{"another result", breaks, "Incompatible changes:\n- New: changed from func() int to func() string", false, true, true},
		{"a function less", "", "Incompatible changes:\n- New: removed", false, true, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			r := releasedThen(t, c.code)
			var out strings.Builder
			if err := run(t.Context(), r.dir, []string{"apidiff"}, &out); err != nil {
				t.Fatal(err)
			}
			if !strings.Contains(out.String(), c.says) || strings.Contains(out.String(), "internal") {
				t.Errorf("apidiff says %q, want in it %q", out.String(), c.says)
			}
			for version, allowed := range map[string]bool{"v0.1.1": c.patch, "v0.2.0": c.minor, "v1.0.0": c.major} {
				err := r.check(t.Context(), version)
				if (err == nil) != allowed || err != nil && !strings.Contains(err.Error(), "breaks the API of v0.1.0") {
					t.Errorf("a release of %s: %v, want it allowed: %t", version, err, allowed)
				}
			}
			if trees := r.mustGit(t, "worktree", "list"); strings.Contains(trees, "\n") {
				t.Errorf("a worktree is left behind:\n%s", trees)
			}
		})
	}
}

// A package that is gone breaks those that imported it.
func TestAPIDiffOfAPackageThatIsGone(t *testing.T) {
	t.Parallel()
	r := releasedThen(t, "func New() int { return 1 }")
	r.mustGit(t, "mv", "core/session", "core/sessions")
	for _, m := range []string{"adapters/muxsession", "examples"} {
		write(t, r.dir, m+"/doc.go", "package "+m[strings.LastIndex(m, "/")+1:]+"\n")
	}
	r.commit(t)
	if err := r.check(t.Context(), "v0.1.1"); err == nil || !strings.Contains(err.Error(), "core/session: New: removed") {
		t.Errorf("a release of v0.1.1: %v", err)
	}
}

func TestNoReleaseYet(t *testing.T) {
	t.Parallel()
	r := small(t)
	for _, where := range []string{"a clone without tags", "a copy of the files"} {
		var out strings.Builder
		if err := r.apidiff(t.Context(), &out); err != nil || !strings.Contains(out.String(), "no release yet") {
			t.Errorf("%s: got %v, %q", where, err, out.String())
		}
		if err := os.RemoveAll(r.path(".git")); err != nil {
			t.Fatal(err)
		}
	}
}
