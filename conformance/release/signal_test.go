//go:build unix

package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// Whatever stops the program, it leaves no worktree and no folder.
func TestStopped(t *testing.T) {
	t.Parallel()
	program := filepath.Join(t.TempDir(), "release")
	build := exec.CommandContext(t.Context(), "go", "build", "-o", program, ".")
	build.Env = append(os.Environ(), "GOWORK=off")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for _, sig := range []os.Signal{os.Interrupt, syscall.SIGTERM} {
		t.Run(sig.String(), func(t *testing.T) {
			t.Parallel()
			r := releasedThen(t, "func New() int { return 1 }")
			// In place of go there is a script that says when it starts, and then stays until the program or the
			// test ends it.
			bin, folders := t.TempDir(), t.TempDir()
			starts, stays := fifo(t, bin, "starts"), fifo(t, bin, "stays")
			script := "#!/bin/sh\necho >" + starts.Name() + "\nexec cat " + stays.Name() + "\n"
			if err := os.WriteFile(filepath.Join(bin, "go"), []byte(script), 0o755); err != nil {
				t.Fatal(err)
			}
			at := r.path("conformance", "release")
			if err := os.MkdirAll(at, 0o755); err != nil {
				t.Fatal(err)
			}
			cmd := exec.CommandContext(t.Context(), program, "apidiff")
			cmd.Dir = at
			cmd.Env = append(os.Environ(), "PATH="+bin+string(os.PathListSeparator)+os.Getenv("PATH"), "TMPDIR="+folders)
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			if _, err := starts.Read(make([]byte, 1)); err != nil {
				t.Errorf("the program does not get as far as go: %v", err)
			}
			if trees := r.mustGit(t, "worktree", "list"); !strings.Contains(trees, "\n") {
				t.Errorf("there is no worktree to remove:\n%s", trees)
			}
			if err := cmd.Process.Signal(sig); err != nil {
				t.Error(err)
			}
			if err := cmd.Wait(); cmd.ProcessState.ExitCode() != 1 {
				t.Errorf("the program ended with %v, want an error of its own", err)
			}
			if trees := r.mustGit(t, "worktree", "list"); strings.Contains(trees, "\n") {
				t.Errorf("a worktree is left behind:\n%s", trees)
			}
			if left, err := os.ReadDir(folders); err != nil || len(left) > 0 {
				t.Errorf("left behind: %v (%v)", left, err)
			}
		})
	}
}

// fifo makes a pipe with a name, which the test holds open until it ends. Reads from it wait a minute.
func fifo(t *testing.T, dir, name string) *os.File {
	t.Helper()
	name = filepath.Join(dir, name)
	if err := syscall.Mkfifo(name, 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := os.OpenFile(name, os.O_RDWR|syscall.O_NONBLOCK, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	if err := f.SetDeadline(time.Now().Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	return f
}
