package main

import (
	"errors"
	"net"
	"os"
	"os/exec"
	"regexp"
	"runtime"
	"strings"
	"syscall"
	"testing"
)

func TestSettings(t *testing.T) {
	t.Parallel()
	listener, err := listen(t.Context(), "0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() }) // after the subtests
	_, taken, err := net.SplitHostPort(listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ name, value, want string }{
		{"PORT", taken, `^demo: port ` + taken + ` is in use: stop the program that listens there, or choose another port, as in PORT=8081 make demo\n$`},
		{"PORT", "http", `^demo: PORT is "http": it must be a number from 0 to 65535\n$`},
		{"PORT", "65536", `^demo: PORT is "65536": it must be .*\n$`},
		{"FRAMEWORK", "rails", `^demo: FRAMEWORK is "rails": it must be .*\n$`},
		{"APP", "a b", `^demo: session: invalid options:\nApp is "a b": .*\n$`},
		{"REDIS_URL", "redis://:secret@127.0.0.1:" + closedPort(t) + "/3", `^demo: no answer from the Redis of REDIS_URL, 127\.0\.0\.1:\d+, database 3: .*refused.*: correct REDIS_URL, or unset it for an embedded Redis\n$`},
		{"REDIS_URL", "http://:secret@127.0.0.1", `^demo: REDIS_URL is not an address of a Redis: it looks like redis://.*\n$`},
		{"REDIS_URL", "redis://:secret@127.0.0.1:secret", `^demo: REDIS_URL is not an address of a Redis: it looks like redis://.*\n$`},
		{"REDIS_URL", "redis://:secret@127.0.0.1/secret", `^demo: REDIS_URL is not an address of a Redis: it looks like redis://.*\n$`},
	} {
		t.Run(c.name+"="+strings.ReplaceAll(c.value, "/", ""), func(t *testing.T) {
			t.Parallel()
			cmd, stderr := child(t, "PORT=0", c.name+"="+c.value)
			out, err := cmd.Output()
			var exit *exec.ExitError
			if !errors.As(err, &exit) || exit.ExitCode() != 1 {
				t.Errorf("ended with %v, want exit code 1", err)
			}
			if !regexp.MustCompile(c.want).MatchString(stderr.String()) || len(out) > 0 {
				t.Errorf("it said %q on stdout, and on stderr\n%swant\n%s", out, stderr, c.want)
			}
			if strings.Contains(stderr.String()+string(out), "secret") {
				t.Error("it said the password")
			}
		})
	}
}

func TestSignals(t *testing.T) {
	t.Parallel()
	if runtime.GOOS == "windows" {
		t.Skip("Windows cannot send a signal to one process")
	}
	test := func(framework string, signal os.Signal) {
		t.Run(framework+"/"+signal.String(), func(t *testing.T) {
			t.Parallel()
			cmd, stderr := child(t, "PORT=0", "FRAMEWORK="+framework)
			out, err := cmd.StdoutPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			url, _ := addresses(t, out)
			// A connection that is kept alive does not delay the end.
			newVisitor(t, url).do("POST", "/cart/add", item("apple"))
			if err := cmd.Process.Signal(signal); err != nil {
				t.Fatal(err)
			}
			if err := cmd.Wait(); err != nil || stderr.Len() > 0 {
				t.Errorf("ended with %v, and said\n%s", err, stderr)
			}
		})
	}
	for _, framework := range append([]string{""}, frameworks...) {
		test(framework, os.Interrupt)
		test(framework, syscall.SIGTERM)
	}
}
