//go:build testall

package docs

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// exchange is a command of a transcript, and what the page shows as its output.
type exchange struct {
	command string
	line    int // in the block
	output  []string
}

// exchanges takes a transcript apart.
func exchanges(code string) (all []exchange, err error) {
	for i, line := range strings.Split(strings.TrimSuffix(code, "\n"), "\n") {
		if command, is := strings.CutPrefix(line, "$ "); is {
			all = append(all, exchange{command: command, line: i + 1})
		} else if len(all) == 0 {
			return nil, fmt.Errorf("a transcript begins with a command: $ COMMAND")
		} else {
			all[len(all)-1].output = append(all[len(all)-1].output, line)
		}
	}
	return all, nil
}

// handle is what names a session. A page has other handles than the test.
var handle = regexp.MustCompile(`\b[a-z2-7]{26}\b`)

// differs are what differs from run to run, and what stands for it.
var differs = []struct {
	pattern *regexp.Regexp
	put     string
}{
	{handle, "HANDLE"},
	{regexp.MustCompile(`\b[0-9a-f]{32}\b`), "PROOF"},
	{regexp.MustCompile(`\b[0-9a-z]{28}\b`), "TOKEN"},
	{regexp.MustCompile(`\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z`), "TIME"},
	{regexp.MustCompile(`Ms": ?\d+`), `Ms":N`},
	{regexp.MustCompile(`(chi|gin|echo|echo5|fiber|fiber3)-\d+`), "INSTANCE"},
	{regexp.MustCompile(`(redis|valkey) \d+\.\d+\.\d+`), "VERSION"},
	{regexp.MustCompile(`\b(\d+(\.\d+)?(h|m|s|ms|µs))+ `), "DURATION "},
	{regexp.MustCompile(`\d{4,}`), "N"},
	{regexp.MustCompile(`\s+`), " "},
}

// stable is what of a line is the same in each run.
func stable(line string) string {
	line = strings.TrimSpace(line) + " "
	for _, d := range differs {
		line = d.pattern.ReplaceAllString(line, d.put)
	}
	return line
}

// compare says how an output differs from what the page shows, in any order of lines. known gets the handles that the
// output has where the page has others.
func compare(shown, output []string, known map[string]string) error {
	left := slices.Clone(output)
	for _, line := range shown {
		i := slices.IndexFunc(left, func(other string) bool { return stable(other) == stable(line) })
		if i < 0 {
			return fmt.Errorf("no line is as %q; the output is\n%s", line, strings.Join(output, "\n"))
		}
		is := handle.FindAllString(left[i], -1)
		for j, was := range handle.FindAllString(line, -1) {
			known[was] = is[j]
		}
		left = slices.Delete(left, i, i+1)
	}
	if len(left) > 0 {
		return fmt.Errorf("the page does not show %q", left)
	}
	return nil
}

func TestCompare(t *testing.T) {
	t.Parallel()
	const a, b = "fo5ujqnov32lwnlvk5yewjcjx4", "fgrhrnecdzrh3yl4gygkk3r5ze"
	all, err := exchanges("$ ls\n" + a + "  2s  19m58s  bob\nend\n$ show " + a + "\n")
	if err != nil || len(all) != 2 || all[1].line != 4 || len(all[0].output) != 2 {
		t.Fatalf("the exchanges are %v (%v)", all, err)
	}
	if _, err := exchanges("output\n"); err == nil {
		t.Error("a transcript without a command is one")
	}
	for output, same := range map[string]bool{
		b + " 1m3s 1ms bob\nend":       true,
		"end\n" + b + " 2s 1s bob":     true,
		b + " 2s 19m58s ann\nend":      false,
		b + " 2s 19m58s bob":           false,
		b + " 2s 19m58s bob\nend\nend": false,
	} {
		known := map[string]string{}
		err := compare(all[0].output, strings.Split(output, "\n"), known)
		if (err == nil) != same || same && known[a] != b {
			t.Errorf("%q is the same: want %v (%v, %v)", output, same, err, known)
		}
	}
	for line, want := range map[string]string{
		`{"count":1,"served_by":"chi-77"}`: `{"count":1,"served_by":"INSTANCE"} `,
		"1200":                             "N ",
		"ok    latency   80µs in the middle, of 20 calls": "ok latency DURATION in the middle, of 20 calls ",
	} {
		if got := stable(line); got != want {
			t.Errorf("of %q, %q is stable, want %q", line, got, want)
		}
	}
}
