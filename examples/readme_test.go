package examples

import (
	"io/fs"
	"os"
	"path"
	"regexp"
	"strings"
	"testing"
)

// README.md lists each program, with the command that runs it.
func TestReadme(t *testing.T) {
	t.Parallel()
	readme, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	listed := map[string]bool{}
	for _, row := range regexp.MustCompile("(?m)^\\| \\[([a-z0-9/]+)\\]\\(.*\\| `(.*)` \\|$").FindAllStringSubmatch(string(readme), -1) {
		name, command := row[1], row[2]
		listed[name] = true
		if command != "make "+name && !strings.Contains(command, "go run -C examples ./"+name) && command != "go run -C examples/"+name+" ." {
			t.Errorf("the command of %s is %q", name, command)
		}
		if _, err := os.Stat(name + "/main.go"); err != nil {
			t.Errorf("README.md lists %s: %v", name, err)
		}
	}
	err = fs.WalkDir(os.DirFS("."), ".", func(file string, _ fs.DirEntry, err error) error {
		if folder := path.Dir(file); path.Base(file) == "main.go" && !listed[folder] {
			t.Errorf("README.md does not list %s", folder)
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}
