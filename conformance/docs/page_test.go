package docs

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/extension"
	"github.com/yuin/goldmark/text"
)

// top is the root of the repository.
const top = "../.."

// page is a file of Markdown.
type page struct {
	name     string // from the root
	blocks   []block
	links    []link
	spans    []block // code within a line
	headings []string
}

// block is a block of code. Without a language, it is one that is indented, or a fence that says none.
type block struct {
	page, language, code string
	line                 int // of its first line of code
	indented             bool
}

func (b block) String() string { return fmt.Sprintf("%s:%d", b.page, b.line) }

type link struct {
	to   string
	line int
}

// readPage parses a page.
func readPage(name string, source []byte) page {
	p := page{name: name}
	lineOf := func(offset int) int { return 1 + strings.Count(string(source[:offset]), "\n") }
	add := func(n ast.Node, language string, indented bool) {
		if n.Lines().Len() > 0 {
			p.blocks = append(p.blocks, block{name, language, string(n.Lines().Value(source)), lineOf(n.Lines().At(0).Start), indented})
		}
	}
	line := 1 // of the paragraph or heading
	root := goldmark.New(goldmark.WithExtensions(extension.Table)).Parser().Parse(text.NewReader(source))
	_ = ast.Walk(root, func(n ast.Node, entering bool) (ast.WalkStatus, error) {
		if !entering {
			return ast.WalkContinue, nil
		}
		if n.Type() == ast.TypeBlock && n.Lines().Len() > 0 {
			line = lineOf(n.Lines().At(0).Start)
		}
		switch n := n.(type) {
		case *ast.FencedCodeBlock:
			add(n, string(n.Language(source)), false)
		case *ast.CodeBlock:
			add(n, "", true)
		case *ast.CodeSpan:
			p.spans = append(p.spans, block{page: name, code: textOf(n, source), line: line})
		case *ast.Heading:
			p.headings = append(p.headings, textOf(n, source))
		case *ast.Link:
			p.links = append(p.links, link{string(n.Destination), line})
		case *ast.Image:
			p.links = append(p.links, link{string(n.Destination), line})
		}
		return ast.WalkContinue, nil
	})
	return p
}

// textOf is the text of a node without its markup.
func textOf(n ast.Node, source []byte) string {
	var all strings.Builder
	_ = ast.Walk(n, func(n ast.Node, entering bool) (ast.WalkStatus, error) {
		if t, is := n.(*ast.Text); is && entering {
			all.Write(t.Segment.Value(source))
		} else if s, is := n.(*ast.String); is && entering {
			all.Write(s.Value)
		}
		return ast.WalkContinue, nil
	})
	return all.String()
}

// readPages reads all pages of the repository.
func readPages(t *testing.T) []page {
	t.Helper()
	var pages []page
	err := filepath.WalkDir(top, func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && path != top && (strings.HasPrefix(d.Name(), ".") || d.Name() == "testdata" || d.Name() == "node_modules"):
			return fs.SkipDir
		case d.IsDir() || !strings.HasSuffix(path, ".md"):
			return nil
		}
		source, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		name, err := filepath.Rel(top, path)
		pages = append(pages, readPage(filepath.ToSlash(name), source))
		return err
	})
	if err != nil || len(pages) < 20 {
		t.Fatalf("found %d pages (%v)", len(pages), err)
	}
	return pages
}

func TestReadPage(t *testing.T) {
	t.Parallel()
	p := readPage("a.md", []byte("# A `b` c\n\nSee [x](y.md#z) and `make`.\n\n    ls\n\n- item\n\n  ```go\n  var x int\n  ```\n\n| a |\n|---|\n| [t](u) |\n"))
	if len(p.headings) != 1 || p.headings[0] != "A b c" || len(p.spans) != 2 || len(p.blocks) != 2 || len(p.links) != 2 {
		t.Fatalf("read %+v", p)
	}
	if b := p.blocks[0]; !b.indented || b.code != "ls\n" || b.line != 5 {
		t.Errorf("the first block is %+v", b)
	}
	if b := p.blocks[1]; b.language != "go" || b.code != "var x int\n" || b.line != 10 {
		t.Errorf("the second block is %+v", b)
	}
	if p.links[0] != (link{"y.md#z", 3}) || p.links[1].to != "u" {
		t.Errorf("the links are %v", p.links)
	}
}
