//go:build testall

package docs

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"

	"mvdan.cc/sh/v3/syntax"
)

// runs are the commands that the test runs. It runs those of berth on a Redis of their own.
var runs = regexp.MustCompile(`^(awk|cat|curl|cut|date|echo|grep|head|printf|read|return|rm -f jar|sha256sum|sort|tail|tr|wc|\[|berthctl|redis-cli|go run -C core \./cmd/berthctl)( |$)`)

// stays are commands that are not run, why, and what is checked of them. The first that matches counts.
var stays = []struct {
	command *regexp.Regexp
	why     string
	check   func(c call) error
}{
	{regexp.MustCompile(`^redis-cli --cluster `), "it needs the cluster of the reader", nil},
	{regexp.MustCompile(`^redis-cli --tls `), "it needs the service of the reader", nil},
	{regexp.MustCompile(`^make( |$)`), "CI runs the targets, or they take minutes, or serve until they are stopped", targetExists},
	{regexp.MustCompile(`^bash \.ci/run$`), "it is CI", pathsExist},
	{regexp.MustCompile(`^go run -C `), "it serves until it is stopped, or its own test runs it", pathsExist},
	{regexp.MustCompile(`^go test `), "make test runs it", pathsExist},
	{regexp.MustCompile(`^go (get|install|mod|work) `), "the test of the release does it", nil},
	{regexp.MustCompile(`^promtool `), "it needs Prometheus", pathsExist},
	{regexp.MustCompile(`^cd `), "only what comes after it needs it", pathsExist},
	{regexp.MustCompile(`^(apt-get|brew|docker|git clone|redis-server)( |$)`), "the test brings what it would bring", nil},
}

// call is one command with its arguments.
type call struct {
	text   string // as the shell's printer writes it, without assignments
	words  []string
	folder string // from the root
}

// pathsExist checks that the files and packages exist which a command names.
func pathsExist(c call) error {
	folder := c.folder
	if i := slices.Index(c.words, "-C"); i > 0 && i+1 < len(c.words) {
		folder = c.words[i+1]
	}
	words := c.words[1:]
	if c.words[0] == "cd" && slices.Equal(words, []string{"berth"}) {
		return nil // the clone
	}
	for _, word := range append(words, folder) {
		if !strings.Contains(word, "/") && c.words[0] != "cd" || strings.HasPrefix(word, "-") || strings.Contains(word, "://") {
			continue
		}
		at := filepath.Join(top, folder, strings.TrimSuffix(word, "..."))
		if word == folder {
			at = filepath.Join(top, folder)
		}
		if _, err := os.Stat(at); err != nil {
			return fmt.Errorf("%s: there is no %s in %q", c.text, word, folder)
		}
	}
	return nil
}

var targets sync.Map // what make says of a target

// targetExists checks that the targets exist which a make command names.
func targetExists(c call) error {
	for _, word := range c.words[1:] {
		if strings.Contains(word, "=") || strings.HasPrefix(word, "-") || strings.Contains(word, "MODULE") {
			continue
		}
		said, _ := targets.LoadOrStore(word, sync.OnceValue(func() error {
			out, err := exec.Command("make", "-C", top, "-n", word).CombinedOutput()
			if err != nil {
				return fmt.Errorf("make %s: %w: %s", word, err, out)
			}
			return nil
		}))
		if err := said.(func() error)(); err != nil {
			return err
		}
	}
	return nil
}

// statement is what a block has between two line ends, and more if it goes on.
type statement struct {
	text string
	line int
	run  bool
}

// statements takes code of the shell apart, and says what is wrong with what is not run. functions are those that the
// page has declared. It adds those that the code declares.
func statements(code string, functions map[string]bool) (all []statement, wrong error) {
	file, err := syntax.NewParser(syntax.Variant(syntax.LangBash)).Parse(strings.NewReader(code), "")
	if err != nil {
		return nil, err
	}
	syntax.Walk(file, func(n syntax.Node) bool {
		if f, is := n.(*syntax.FuncDecl); is {
			functions[f.Name.Value] = true
		}
		return true
	})
	for _, s := range file.Stmts {
		run, err := classify(s, functions)
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", s.Pos().Line(), err)
		}
		all = append(all, statement{code[s.Pos().Offset():s.End().Offset()], int(s.Pos().Line()), run})
	}
	return all, nil
}

// classify says whether a statement is run. If it is not, each of its commands must be known, and right.
func classify(s *syntax.Stmt, functions map[string]bool) (run bool, wrong error) {
	run = true
	folder := ""
	syntax.Walk(s, func(n syntax.Node) bool {
		e, is := n.(*syntax.CallExpr)
		if !is || len(e.Args) == 0 || wrong != nil {
			return true
		}
		c := call{folder: folder}
		for _, word := range e.Args {
			var text strings.Builder
			_ = syntax.NewPrinter().Print(&text, word)
			c.words = append(c.words, text.String())
		}
		c.text = strings.Join(c.words, " ")
		for _, kind := range stays {
			if !kind.command.MatchString(c.text) || runs.MatchString(c.text) && strings.HasPrefix(c.text, "go ") {
				continue
			}
			run = false
			if kind.check != nil {
				wrong = kind.check(c)
			}
			if c.words[0] == "cd" && c.words[1] != "berth" {
				folder = c.words[1]
			}
			return true
		}
		if !runs.MatchString(c.text) && !functions[c.words[0]] {
			wrong = fmt.Errorf("nobody runs %q: add it to runs, or to stays with the reason, in conformance/docs/shell_test.go", c.text)
		}
		return true
	})
	return run, wrong
}
