package handlertests

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Every block of Go on the page is in a file of this folder, and the page has the files of all
// frameworks.
func TestPage(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../../docs/testing.md")
	if err != nil {
		t.Fatal(err)
	}
	names, err := filepath.Glob("*_test.go")
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, name := range names {
		file, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, string(file))
	}
	code := strings.Join(all, "")
	blocks := strings.Split(string(page), "```go\n")[1:]
	for i := range blocks {
		blocks[i], _, _ = strings.Cut(blocks[i], "```\n")
		if !strings.Contains(code, blocks[i]) {
			t.Errorf("docs/testing.md has a block that no file here has; copy it from the file:\n%s", blocks[i])
		}
	}
	for _, framework := range []string{"nethttp", "chi", "gin", "echo", "fiber"} {
		file, err := os.ReadFile(framework + "_test.go")
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(string(page), "```go\n"+string(file)+"```\n") {
			t.Errorf("docs/testing.md does not have %s_test.go; copy it", framework)
		}
	}
}
