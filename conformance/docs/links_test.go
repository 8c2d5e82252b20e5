package docs

import (
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"strings"
	"testing"
	"unicode"
)

// anchors are what GitHub makes of the headings of a page.
func (p page) anchors() map[string]bool {
	all, seen := map[string]bool{}, map[string]int{}
	for _, heading := range p.headings {
		anchor := strings.Map(func(r rune) rune {
			switch {
			case unicode.IsLetter(r) || unicode.IsDigit(r) || r == '-' || r == '_':
				return unicode.ToLower(r)
			case r == ' ':
				return '-'
			}
			return -1
		}, heading)
		n := seen[anchor]
		seen[anchor]++
		if n > 0 {
			anchor = fmt.Sprintf("%s-%d", anchor, n)
		}
		all[anchor] = true
	}
	return all
}

// dead says which links of a page lead nowhere. Links to other sites are not followed.
func (p page) dead(pages []page) error {
	var all error
	for _, l := range p.links {
		if strings.Contains(l.to, "://") || strings.HasPrefix(l.to, "mailto:") {
			continue
		}
		file, anchor, _ := strings.Cut(l.to, "#")
		target := p.name
		if file != "" {
			target = path.Join(path.Dir(p.name), file)
		}
		if _, err := os.Stat(filepath.Join(top, target)); file != "" && (err != nil || strings.HasPrefix(target, "..")) {
			all = errors.Join(all, fmt.Errorf("%s:%d: the link to %s leads to no file", p.name, l.line, l.to))
			continue
		}
		for _, other := range append(pages, p) {
			if other.name == target && anchor != "" && !other.anchors()[anchor] {
				all = errors.Join(all, fmt.Errorf("%s:%d: the link to %s leads to no heading", p.name, l.line, l.to))
				break
			}
		}
	}
	return all
}

func TestLinks(t *testing.T) {
	t.Parallel()
	pages := readPages(t)
	for _, p := range pages {
		if err := p.dead(pages); err != nil {
			t.Error(err)
		}
	}
}

func TestDeadLinks(t *testing.T) {
	t.Parallel()
	other := readPage("docs/b.md", []byte("# One, two\n\n## `SetX`: why?\n\n## Same\n\n## Same\n"))
	other.name = "docs/keys.md"
	for to, alive := range map[string]bool{
		"keys.md": true, "keys.md#one-two": true, "keys.md#setx-why": true, "keys.md#same-1": true, "#here": true,
		"../README.md": true, "https://example.com/x": true,
		"keys.md#three": false, "keys.md#same-2": false, "no.md": false, "#there": false, "../../x.md": false,
	} {
		p := readPage("docs/a.md", []byte("# Here\n\n[x]("+to+")\n"))
		if err := p.dead([]page{other}); (err == nil) != alive {
			t.Errorf("%s is alive: want %v (%v)", to, alive, err)
		} else if err != nil && !strings.HasPrefix(err.Error(), "docs/a.md:3: ") {
			t.Errorf("the message is %q", err)
		}
	}
}
