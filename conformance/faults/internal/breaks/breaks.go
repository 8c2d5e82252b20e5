// Package breaks has breaks of berth, so that the runs can show that they find them. Nothing is edited: the
// go command builds a program with other text in place of some files.
package breaks

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// Break is one promise that berth does not keep any more.
type Break struct {
	Name   string
	Within int // runs
	Edits  []Edit
}

// Edit replaces a text in a file, which must be in it once.
type Edit struct {
	File     string // from the root of the repository
	Old, New string
}

// Broken returns the broken files, by name.
func (b Break) Broken(root string) (map[string]string, error) {
	files := map[string]string{}
	for _, e := range b.Edits {
		text, ok := files[e.File]
		if !ok {
			read, err := os.ReadFile(filepath.Join(root, e.File))
			if err != nil {
				return nil, err
			}
			text = string(read)
		}
		if n := strings.Count(text, e.Old); n != 1 {
			return nil, fmt.Errorf("%q: %s has this text %d times, and not once; write the break anew:\n%s", b.Name, e.File, n, e.Old)
		}
		files[e.File] = strings.Replace(text, e.Old, e.New, 1)
	}
	return files, nil
}

// Build builds the program of conformance/faults with the break in it, and returns its name, in dir.
func (b Break) Build(ctx context.Context, root, dir string) (string, error) {
	files, err := b.Broken(root)
	if err != nil {
		return "", err
	}
	return build(ctx, root, dir, b.Name, files)
}

// build builds the program with other texts in place of some files.
func build(ctx context.Context, root, dir, name string, files map[string]string) (string, error) {
	dir, err := os.MkdirTemp(dir, "break-")
	if err != nil {
		return "", err
	}
	overlay := struct{ Replace map[string]string }{map[string]string{}}
	for file, text := range files {
		broken := filepath.Join(dir, strings.ReplaceAll(file, "/", "-"))
		if err := os.WriteFile(broken, []byte(text), 0o600); err != nil {
			return "", err
		}
		overlay.Replace[filepath.Join(root, file)] = broken
	}
	list, err := json.Marshal(overlay)
	if err != nil {
		return "", err
	}
	listed := filepath.Join(dir, "overlay.json")
	if err := os.WriteFile(listed, list, 0o600); err != nil {
		return "", err
	}
	program := filepath.Join(dir, "faults")
	cmd := exec.CommandContext(ctx, "go", "build", "-overlay", listed, "-o", program, ".")
	cmd.Dir = filepath.Join(root, "conformance", "faults")
	if said, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("%q does not build: %w\n%s", name, err, said)
	}
	return program, nil
}
