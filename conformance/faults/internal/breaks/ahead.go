package breaks

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// later is what berth reads of a clock that is ahead. It is more than any time that the scripts wait for.
const later = "time.Now().Add(90 * time.Second)"

// ahead moves the clock that berth reads, and no other: timers and the deadlines of contexts stay as they are.
var ahead = strings.NewReplacer(
	"time.Now()", later,
	"time.Since(", later+".Sub(",
	"time.Until(", "-"+later+".Sub(",
	"case now := <-ticker.C:", "case now := <-ticker.C:\n\t\t\tnow = now.Add(90 * time.Second)",
	"context.WithDeadline(ls.Tasks.Context(), l.expires)", "context.WithDeadline(ls.Tasks.Context(), l.expires.Add(-90*time.Second))",
	"context.WithDeadline(context.Background(), expires)", "context.WithDeadline(context.Background(), expires.Add(-90*time.Second))",
)

// Ahead returns the files of berth that read the clock, with a clock that is ahead.
func Ahead(root string) (map[string]string, error) {
	files := map[string]string{}
	for _, folder := range []string{"core/session", "core/internal", "core/httpsession"} {
		err := filepath.WalkDir(filepath.Join(root, folder), func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
				return err
			}
			text, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			if moved := ahead.Replace(string(text)); moved != string(text) {
				name, err := filepath.Rel(root, path)
				files[filepath.ToSlash(name)] = moved
				return err
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	if len(files) == 0 {
		return nil, errors.New("no file of core reads the clock: say where the repository is, with -root")
	}
	return files, nil
}

// BuildAhead builds the program with a clock that is ahead, and returns its name, in dir.
func BuildAhead(ctx context.Context, root, dir string) (string, error) {
	files, err := Ahead(root)
	if err != nil {
		return "", err
	}
	return build(ctx, root, dir, "a clock that is ahead", files)
}
