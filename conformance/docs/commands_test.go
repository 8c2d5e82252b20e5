//go:build testall

package docs

import (
	"fmt"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/berthgo/berth/core/redistest"
)

// unit is a command of a page, and what the page shows as its output, if it shows one.
type unit struct {
	statement
	shows  bool
	output []string
}

// units are the commands of a block that are run, and what is wrong with the others.
func units(b block, functions map[string]bool) (all []unit, wrong error) {
	switch {
	case b.language == "console":
		talk, err := exchanges(b.code)
		if err != nil {
			return nil, err
		}
		for _, e := range talk {
			parts, err := statements(e.command, functions)
			if err != nil {
				return nil, fmt.Errorf("%s:%d: %w", b.page, b.line+e.line-1, err)
			}
			for _, s := range parts {
				if !s.run {
					return nil, fmt.Errorf("%s:%d: %q is not run, so nobody compares its output", b.page, b.line+e.line-1, s.text)
				}
			}
			all = append(all, unit{statement{e.command, e.line, true}, true, e.output})
		}
	case b.language == "sh" || b.indented:
		parts, err := statements(b.code, functions)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", b, err)
		}
		for _, s := range parts {
			if s.run {
				all = append(all, unit{statement: s})
			}
		}
	}
	return all, nil
}

// Each command of the pages is run at the root of the repository, in the order of its page, or known as one that
// is not. What a page shows as the output is what comes.
func TestCommands(t *testing.T) {
	t.Parallel()
	redistest.NeedServer(t)
	programs := tools(t)
	for _, p := range readPages(t) {
		t.Run(p.name, func(t *testing.T) {
			t.Parallel()
			follow(t, p, programs)
		})
	}
}

// follow runs the commands of a page.
func follow(t *testing.T, p page, programs string) {
	var w *world
	functions := map[string]bool{}
	before := 0 // blocks of transcripts
	for _, b := range p.blocks {
		all, err := units(b, functions)
		if err != nil {
			t.Error(err)
		}
		if len(all) > 0 && w == nil {
			w = newWorld(t, programs)
			if prepare := worlds[p.name]; prepare != nil {
				prepare(w)
			} else {
				w.demo(programs)
			}
		}
		if b.language == "console" {
			if prepare := turns[fmt.Sprint(p.name, " ", before)]; prepare != nil {
				prepare(w)
			}
			before++
		}
		for _, u := range all {
			output, failed := w.sh(u.text)
			if u.shows {
				if failed = compare(u.output, output, w.handles); failed != nil {
					t.Errorf("%s:%d: %s: %v", b.page, b.line+u.line-1, u.text, failed)
				}
			} else if failed != nil {
				t.Errorf("%s:%d: %s: %v failed; the output is\n%s", b.page, b.line+u.line-1, u.text, failed, strings.Join(output, "\n"))
			}
		}
	}
	for _, span := range p.spans { // commands within the text
		first, _, _ := strings.Cut(span.code, " ")
		if first == "make" || first == "cd" || first == "berthctl" || strings.HasPrefix(span.code, "go run -C ") {
			if _, err := statements(span.code, functions); err != nil {
				t.Errorf("%s: %v", span, err)
			}
		}
		if first == "berthctl" {
			if err := berthctlHas(programs, span.code); err != nil {
				t.Errorf("%s: %v", span, err)
			}
		}
	}
}

var help sync.Map // of berthctl, by its folder

// berthctlHas says whether berthctl has the command and the flags that somebody calls it with.
func berthctlHas(programs, command string) error {
	said, _ := help.LoadOrStore(programs, sync.OnceValue(func() string {
		out, _ := exec.Command(filepath.Join(programs, "berthctl"), "-h").CombinedOutput()
		return string(out)
	}))
	text := said.(func() string)()
	for i, word := range strings.Fields(command)[1:] {
		flag, is := strings.CutPrefix(word, "--")
		name, _, _ := strings.Cut(flag, "=")
		if is && !regexp.MustCompile(`(?m)^\s+--?`+regexp.QuoteMeta(name)+`\b`).MatchString(text) {
			return fmt.Errorf("%s: berthctl has no flag --%s", command, name)
		}
		if !is && i == 0 && !regexp.MustCompile(`(?m)^\s+`+regexp.QuoteMeta(word)+`\b`).MatchString(text) {
			return fmt.Errorf("%s: berthctl has no command %s", command, word)
		}
	}
	return nil
}

// turns say what changes before a transcript of a page.
var turns = map[string]func(w *world){
	"docs/berthctl.md 4": func(w *world) {
		if _, err := w.sh("redis-cli acl setuser limited on '>tea' resetchannels -@all " + strings.Join(permissions(w), " ") +
			"\nexport REDIS_USERNAME=limited REDIS_ACCESS_KEY=tea"); err != nil {
			w.Fatal(err)
		}
	},
}

// permissions are the first list of docs/redis.md, without scan.
func permissions(w *world) []string {
	w.Helper()
	for _, p := range readPages(w.T) {
		for _, b := range p.blocks {
			if p.name == "docs/redis.md" && strings.HasPrefix(b.code, "~{shop_*\n") {
				var all []string
				for _, rule := range strings.Fields(b.code) {
					if rule != "+scan" {
						all = append(all, "'"+rule+"'")
					}
				}
				return all
			}
		}
	}
	w.Fatal("docs/redis.md lists no permissions")
	return nil
}
