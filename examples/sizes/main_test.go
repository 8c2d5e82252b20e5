package main

import (
	"bytes"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/berthgo/berth/core/redistest"
)

// docs/operating.md has the kinds of sessions that the program measures, and sizes of that order: they differ from
// server to server.
func TestPageHasTheSizes(t *testing.T) {
	t.Parallel()
	redistest.NeedServer(t)
	page, err := os.ReadFile("../../docs/operating.md")
	if err != nil {
		t.Fatal(err)
	}
	var printed bytes.Buffer
	if err := run(t.Context(), &printed, 50); err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(printed.String()), "\n")
	if len(lines) != len(kinds)+1 {
		t.Errorf("the program printed\n%s", printed.String())
	}
	for i, k := range kinds {
		name := strings.TrimSpace(k.name)
		row := regexp.MustCompile(`(?m)^\| ` + regexp.QuoteMeta(name) + ` \| (\d+) \| \d+ \|$`).FindSubmatch(page)
		if row == nil {
			t.Errorf("docs/operating.md has no row for %q", name)
			continue
		}
		written, err := strconv.Atoi(string(row[1]))
		if err != nil {
			t.Fatal(err)
		}
		fields := strings.Fields(lines[i+1])
		measured, err := strconv.Atoi(fields[len(fields)-2])
		if err != nil {
			t.Fatal(err)
		}
		if measured < written*2/3 || measured > written*3/2 {
			t.Errorf("%q takes %d bytes, and docs/operating.md says %d", name, measured, written)
		}
	}
}
