package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"slices"
	"strings"

	"golang.org/x/mod/semver"
)

// git runs git in the checkout, and returns its output without the last line's end.
func (r repository) git(ctx context.Context, input string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, "git", args...)
	cmd.Dir = r.dir
	// Killed, git would leave what it has begun, as a worktree.
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.Stdin = strings.NewReader(input)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("release: git %s: %w\n%s", args[0], err, stderr.Bytes())
	}
	return strings.TrimSuffix(string(out), "\n"), nil
}

// changes are the names of the files that differ from the last commit, those that git does not know among them.
func (r repository) changes(ctx context.Context) ([]string, error) {
	out, err := r.git(ctx, "", "status", "--porcelain", "-z", "--no-renames", "--untracked-files=all")
	if err != nil {
		return nil, err
	}
	var names []string
	for entry := range strings.SplitSeq(out, "\x00") {
		if len(entry) > 3 { // two letters and a space come before the name
			names = append(names, entry[3:])
		}
	}
	return names, nil
}

// isClone reports whether git knows the checkout. It does not know a copy of the files.
func (r repository) isClone() bool {
	_, err := os.Stat(r.path(".git"))
	return !errors.Is(err, fs.ErrNotExist)
}

// versions are those of the releases that have been made, the newest first. There are none in a copy of the files
// that is no clone.
func (r repository) versions(ctx context.Context) ([]string, error) {
	if !r.isClone() {
		return nil, nil
	}
	out, err := r.git(ctx, "", "tag", "--list", "core/v*")
	if err != nil {
		return nil, err
	}
	var versions []string
	for tag := range strings.FieldsSeq(out) {
		if v := strings.TrimPrefix(tag, "core/"); semver.IsValid(v) {
			versions = append(versions, v)
		}
	}
	semver.Sort(versions)
	slices.Reverse(versions)
	return versions, nil
}
