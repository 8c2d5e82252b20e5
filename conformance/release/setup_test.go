package main

import (
	"os"
	"path/filepath"
	"testing"
)

// here is the checkout that these tests are in.
func here(t *testing.T) repository {
	t.Helper()
	dir, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	r, err := open(dir)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// small makes a checkout of its own with two modules that are released and one that is not, in a commit.
func small(t *testing.T) repository {
	t.Helper()
	dir := t.TempDir()
	write(t, dir, "go.work", "go 1.26.0\n\nuse (\n\t./adapters/muxsession\n\t./core\n\t./examples\n)\n")
	write(t, dir, "LICENSE", "MIT\n")
	write(t, dir, "CHANGELOG.md", "# Changelog\n\n## [Unreleased]\n\n## [0.1.0] - 2026-01-02\n\n### Added\n\n- Sessions.\n")
	write(t, dir, "core/go.mod", "module "+root+"core\n\ngo 1.26.0\n")
	write(t, dir, "core/session/session.go", "package session\n\nfunc New() int { return 1 }\n")
	write(t, dir, "core/internal/store/store.go", "package store\n\nfunc Load() int { return 1 }\n")
	for _, m := range []string{"adapters/muxsession", "examples"} {
		write(t, dir, m+"/go.mod", "module "+root+m+"\n\ngo 1.26.0\n\nrequire "+root+"core v0.0.0\n\nreplace "+root+"core => "+up(m)+"core\n")
		write(t, dir, m+"/doc.go", "package "+filepath.Base(m)+"\n\nimport _ \""+root+"core/session\"\n")
	}
	r, err := open(dir)
	if err != nil {
		t.Fatal(err)
	}
	r.mustGit(t, "init", "--quiet")
	for name, value := range map[string]string{"user.name": "A Person", "user.email": "person@example.com", "commit.gpgsign": "false"} {
		r.mustGit(t, "config", name, value)
	}
	r.commit(t)
	return r
}

// up is the way from the folder of a module to that of the repository.
func up(module string) string {
	to, err := filepath.Rel("/"+module, "/")
	if err != nil {
		panic(err)
	}
	return filepath.ToSlash(to) + "/"
}

func write(t *testing.T, dir, name, content string) {
	t.Helper()
	name = filepath.Join(dir, name)
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
}

func read(t *testing.T, name ...string) string {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(name...))
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}

func (r repository) mustGit(t *testing.T, args ...string) string {
	t.Helper()
	out, err := r.git(t.Context(), "", args...)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// commit commits all that has changed.
func (r repository) commit(t *testing.T) {
	t.Helper()
	r.mustGit(t, "add", "--all")
	r.mustGit(t, "commit", "--quiet", "--message", "A change")
}
