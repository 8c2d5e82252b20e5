package docs

import (
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
)

// languages are those that a block may have, and who checks it.
var languages = map[string]string{
	"go":      "TestGo",
	"sh":      "TestCommands",
	"console": "TestCommands",
	"json":    "TestData",
	"yaml":    "TestData",
	"xml":     "TestData",
	"text":    "nobody: it is no code",
	"mermaid": "nobody: GitHub draws it",
	"csharp":  "nobody: it shows what ASP.NET does",
	"python":  "examples/companion",
}

// unparsable says what is wrong with a block of data, or with its language.
func (b block) unparsable() error {
	var into any
	switch b.language {
	case "json":
		return json.Unmarshal([]byte(b.code), &into)
	case "yaml":
		return yaml.Unmarshal([]byte(b.code), &into)
	case "xml":
		for d := xml.NewDecoder(strings.NewReader(b.code)); ; {
			if _, err := d.Token(); errors.Is(err, io.EOF) {
				return nil
			} else if err != nil {
				return err
			}
		}
	}
	if _, known := languages[b.language]; !known && !b.indented {
		return fmt.Errorf("nobody checks blocks of %q: give the block a language that the table in conformance/docs/data_test.go has; text is for what is no code", b.language)
	}
	return nil
}

func TestData(t *testing.T) {
	t.Parallel()
	for _, p := range readPages(t) {
		for _, b := range p.blocks {
			if err := b.unparsable(); err != nil {
				t.Errorf("%s: %v", b, err)
			}
		}
	}
	for _, language := range []string{"json", "yaml"} {
		files, err := filepath.Glob(top + "/docs/*." + map[string]string{"json": "json", "yaml": "yml"}[language])
		if err != nil || len(files) == 0 {
			t.Errorf("found no %s in docs (%v)", language, err)
		}
		for _, file := range files {
			text, err := os.ReadFile(file)
			if err == nil {
				err = block{language: language, code: string(text)}.unparsable()
			}
			if err != nil {
				t.Errorf("%s: %v", file, err)
			}
		}
	}
}

func TestUnparsable(t *testing.T) {
	t.Parallel()
	for _, b := range []block{
		{language: "json", code: "{"},
		{language: "yaml", code: "a: [1"},
		{language: "xml", code: "<a></b>"},
		{language: "bash", code: "ls"},
		{language: "", code: "ls"},
	} {
		if b.unparsable() == nil {
			t.Errorf("nothing is wrong with %q in %q", b.code, b.language)
		}
	}
}
