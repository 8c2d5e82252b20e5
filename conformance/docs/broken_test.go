//go:build testall

package docs

import (
	"fmt"
	"strings"
	"testing"

	"github.com/berthgo/berth/core/redistest"
)

// The tests of commands would be worth nothing if they let everything pass.
func TestWrongCommands(t *testing.T) {
	t.Parallel()
	for code, want := range map[string]string{
		"```sh\nredis-cli ping\nmake test\n```":         "",
		"```sh\nf() { redis-cli ping; }\nf\n```":        "",
		"    make test 2>&1 | grep FAIL":                "",
		"    cd core && go test -race ./internal/lease": "",
		"```text\nanything\n```":                        "",
		"```sh\nredis-cli ping\nfrobnicate\n```":        `line 2: nobody runs "frobnicate"`,
		"```sh\nredis-cli ping | frobnicate\n```":       `nobody runs "frobnicate"`,
		"    rm -rf /":                             `nobody runs "rm -rf /"`,
		"    make nothing-of-that-name":            "make nothing-of-that-name: ",
		"    go test ./core/nowhere":               "there is no ./core/nowhere",
		"    cd core && go test ./nowhere":         "there is no ./nowhere",
		"    cd nowhere":                           "there is no nowhere",
		"    go run -C examples ./nowhere":         "there is no ./nowhere",
		"    bash .ci/run":                         "",
		"```sh\nif\n```":                           "if",
		"```console\n$ frobnicate\n```":            `docs/a.md:4: line 1: nobody runs "frobnicate"`,
		"```console\n$ make test\nall passed\n```": "is not run",
		"```console\nno command\n```":              "a transcript begins with a command",
	} {
		p := readPage("docs/a.md", []byte("# A\n\n"+code+"\n"))
		_, err := units(p.blocks[0], map[string]bool{})
		if got := fmt.Sprint(err); want == "" && err != nil || !strings.Contains(got, want) && want != "" {
			t.Errorf("%q: found %v, want %q", code, err, want)
		}
	}
}

// What a shell says of a command is what has failed in it.
func TestWorld(t *testing.T) {
	t.Parallel()
	redistest.NeedServer(t)
	w := newWorld(t, t.TempDir())
	for _, c := range []struct{ command, output, failed string }{
		{"redis-cli -h 127.0.0.1 ping", "PONG", ""},
		{"x=1\nf() { echo got $1; }", "", ""},
		{"f $x; printf end", "got 1\nend", ""},
		{"redis-cli zrang k 0 -1", "ERR unknown command", "redis-cli zrang k 0 -1"},
		{"false; echo on", "on", "false"},
		{"if false; then echo; fi; false || echo or", "or", ""},
		{"nothing-of-that-name", "command not found", "nothing-of-that-name"},
		{"cat; echo jar", "", ""},                                     // nobody types anything
		{"redis-cli -h 127.0.0.1 -p 6379 --version", "redis-cli", ""}, // only whole addresses are rewritten
		{"echo 127.0.0.1:6379 ajar", w.server.Addr() + " ajar", ""},
	} {
		output, failed := w.sh(c.command)
		if got := strings.Join(output, "\n"); !strings.Contains(got, c.output) || (failed == nil) != (c.failed == "") || failed != nil && failed.Error() != c.failed {
			t.Errorf("%q: printed %q, failed %v", c.command, got, failed)
		}
	}
}

func TestBerthctlHas(t *testing.T) {
	t.Parallel()
	programs := tools(t)
	for command, has := range map[string]bool{
		"berthctl": true, "berthctl ls": true, "berthctl end HANDLE --yes": true, "berthctl ls --json": true, "berthctl --app shop ls": true,
		"berthctl list": false, "berthctl ls --jsonn": false,
	} {
		if err := berthctlHas(programs, command); (err == nil) != has {
			t.Errorf("%q is right: want %v (%v)", command, has, err)
		}
	}
}
