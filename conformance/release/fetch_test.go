//go:build testall

package main

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"golang.org/x/mod/module"
	"golang.org/x/mod/zip"
)

// user is somebody who has never seen the repository: a folder for programs, a module cache of its own, so that
// nothing of these modules stays in that of the machine, and a proxy that has the release to come.
type user struct{ dir, version, proxies string }

func newUser(t *testing.T) user {
	t.Helper()
	r := here(t)
	u := user{dir: t.TempDir(), version: r.version(t)}
	proxy := filepath.Join(u.dir, "proxy")
	if err := r.writeProxy(t.Context(), proxy, u.version); err != nil {
		t.Fatal(err)
	}
	// Other modules come from where this machine has them already, and then from where it gets them.
	out, err := exec.CommandContext(t.Context(), "go", "env", "GOMODCACHE", "GOPROXY").Output()
	if err != nil {
		t.Fatal(err)
	}
	cache, usual, _ := strings.Cut(strings.TrimSpace(string(out)), "\n")
	u.proxies = "file://" + filepath.ToSlash(proxy) + ",file://" + filepath.ToSlash(cache) + "/cache/download," + usual
	return u
}

// command is a command in a folder, without what this repository or this shell sets for the go command. It ends
// with the test.
func (u user) command(ctx context.Context, dir, name string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir = dir
	cmd.Env = slices.DeleteFunc(os.Environ(), func(v string) bool {
		return strings.HasPrefix(v, "SESSION_") || strings.HasPrefix(v, "REDIS_")
	})
	cmd.Env = append(cmd.Env,
		"GOWORK=off", "GOFLAGS=-trimpath -modcacherw", "GOENV=off",
		"GOPROXY="+u.proxies, "GONOPROXY=none", "GOPRIVATE=",
		// The checksum database does not know the release yet. It has been asked about other modules when this
		// repository's go.sum was made.
		"GOSUMDB=off",
		"GOMODCACHE="+filepath.Join(u.dir, "modules"), "GOBIN="+filepath.Join(u.dir, "bin"))
	return cmd
}

func (u user) run(t *testing.T, dir, name string, args ...string) string {
	t.Helper()
	out, err := u.command(t.Context(), dir, name, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
	}
	return string(out)
}

// Whoever does what a README says, in an empty folder, has a program that builds.
func TestFetch(t *testing.T) {
	t.Parallel()
	u, r := newUser(t), here(t)
	t.Run("berthctl", func(t *testing.T) {
		t.Parallel()
		u.install(t)
	})
	for _, m := range r.released() {
		t.Run("complete/"+m, func(t *testing.T) {
			t.Parallel()
			u.complete(t, m)
		})
	}
	for _, m := range append(r.released(), ".") {
		t.Run(m, func(t *testing.T) {
			t.Parallel()
			text := read(t, r.dir, m, "README.md")
			program := regexp.MustCompile("(?s)```go\n(// [^\n]*\n)?(package .*?)```").FindStringSubmatch(text)
			if program == nil {
				t.Fatal("README.md has no program")
			}
			dir := filepath.Join(u.dir, strings.ReplaceAll(m, "/", "-"))
			name, build := "main.go", []string{"build", "-ldflags=-w", "-o", os.DevNull, "."}
			if !strings.HasPrefix(program[2], "package main") {
				name, build = "main_test.go", []string{"test", "-c", "-ldflags=-w", "-o", os.DevNull, "."}
			}
			write(t, dir, name, program[2])
			u.run(t, dir, "go", "mod", "init", "example.com/shop")
			for _, path := range gets(text, program[2]) {
				if strings.HasPrefix(path, root) {
					path += "@" + u.version
				}
				u.run(t, dir, "go", "get", path)
			}
			u.run(t, dir, "go", build...)
			for module := range strings.Lines(u.run(t, dir, "go", "list", "-m", "all")) {
				if strings.HasPrefix(module, root) && !strings.HasSuffix(module, " "+u.version+"\n") {
					t.Errorf("the program has %s", module)
				}
			}
		})
	}
}

// complete checks that the go.mod of a module, as it is published, requires all that its packages import. go get would
// add what it lacks.
func (u user) complete(t *testing.T, m string) {
	t.Helper()
	dir := filepath.Join(u.dir, "complete-"+strings.ReplaceAll(m, "/", "-"))
	v := module.Version{Path: root + m, Version: u.version}
	if err := zip.Unzip(dir, v, filepath.Join(u.dir, "proxy", filepath.FromSlash(v.Path), "@v", v.Version+".zip")); err != nil {
		t.Fatal(err)
	}
	_, file, err := repository{dir: dir}.goMod("go.mod")
	if err != nil {
		t.Fatal(err)
	}
	// Users never see these lines. With them, go.sum lacks the siblings.
	for _, replaced := range file.Replace {
		u.run(t, dir, "go", "mod", "edit", "-dropreplace="+replaced.Old.Path)
	}
	for _, sibling := range siblings(file) {
		u.run(t, dir, "go", "mod", "download", sibling.Mod.String())
	}
	u.run(t, dir, "go", "list", "-mod=readonly", "-deps", `-f={{""}}`, "./...")
}

// gets are what a README has its reader get, and what its program imports of this repository.
func gets(readme, program string) []string {
	var paths []string
	for _, line := range regexp.MustCompile(`(?m)^ {4}go get (\S+)$`).FindAllStringSubmatch(readme, -1) {
		paths = append(paths, line[1])
	}
	for _, line := range regexp.MustCompile(`(?m)^\t"(`+regexp.QuoteMeta(root)+`\S+)"$`).FindAllStringSubmatch(program, -1) {
		paths = append(paths, line[1])
	}
	slices.Sort(paths)
	return slices.Compact(paths)
}

// install installs the tool of operators without a checkout, and runs it.
func (u user) install(t *testing.T) {
	t.Helper()
	u.run(t, u.dir, "go", "install", root+"core/cmd/berthctl@"+u.version)
	tool := filepath.Join(u.dir, "bin", "berthctl")
	if usage := u.run(t, u.dir, tool, "-h"); !strings.Contains(usage, "Usage: berthctl") {
		t.Errorf("berthctl -h printed %q", usage)
	}
	// Nothing listens at port 1.
	cmd := u.command(t.Context(), u.dir, tool, "-app", "shop", "-port", "1", "stats")
	if out, err := cmd.CombinedOutput(); cmd.ProcessState.ExitCode() != 1 || !strings.Contains(string(out), "127.0.0.1:1") {
		t.Errorf("berthctl without a Redis: %v, %q", err, out)
	}
}
