//go:build testall

package docs

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/berthgo/berth/core/inspect"
	"github.com/berthgo/berth/core/redistest"
	"github.com/berthgo/berth/core/session"
)

// world is what the commands of one page meet: a shell at the root of the repository, a Redis, and what the page tells
// its reader to start.
type world struct {
	*testing.T
	folder   string // for the cookie jar, and for what stands for redis-cli and curl
	server   *redistest.Server
	rewrites []string          // of commands: what is there, and what is run instead
	handles  map[string]string // of this Redis, by those of the page

	input  io.Writer
	output *bufio.Reader
}

// tools builds the programs that commands run, and returns their folder.
func tools(t *testing.T) string {
	t.Helper()
	folder := t.TempDir()
	command := exec.CommandContext(t.Context(), "go", "build", "-o", folder, "./core/cmd/berthctl", "./examples/demo")
	command.Dir, command.Env = top, workspace(t)
	if out, err := command.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	for _, name := range []string{"curl", "redis-cli", "bash"} {
		if _, err := exec.LookPath(name); err != nil {
			if os.Getenv("REQUIRE_REDIS") == "1" {
				t.Fatalf("needs %s, and REQUIRE_REDIS is 1", name)
			}
			t.Skipf("needs %s", name)
		}
	}
	return folder
}

// newWorld starts a world. All of it ends with the test.
func newWorld(t *testing.T, tools string) *world {
	t.Helper()
	// REDIS_SERVER may name another version than those whose output the pages show.
	path, _ := exec.LookPath("redis-server")
	server, err := redistest.Start(t.Context(), redistest.Options{Path: path})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Stop() })
	w := &world{T: t, folder: t.TempDir(), server: server, handles: map[string]string{}}
	host, port, err := net.SplitHostPort(server.Addr())
	if err != nil {
		t.Fatal(err)
	}
	// What fails must be seen to fail: redis-cli and curl take many errors for success.
	w.wrap("redis-cli", "-e -h "+host+" -p "+port)
	w.wrap("curl", "--silent --show-error --fail-with-body")
	w.rewrites = []string{
		"127.0.0.1:6379", server.Addr(), "redis.internal", host, "REDIS_ACCESS_KEY=…", "", "jar", w.folder + "/jar",
	}

	shell := exec.CommandContext(t.Context(), "bash", "--noprofile", "--norc")
	shell.Dir = top
	shell.Env = append(workspace(t), "PATH="+w.folder+":"+tools+":"+os.Getenv("PATH"), "REDIS_HOST="+host, "REDIS_PORT="+port,
		"REDISCLI_HOST="+host, "REDISCLI_PORT="+port, "SESSION_APP=shop", "LC_ALL=C.UTF-8")
	input, err := shell.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	reader, writer, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	shell.Stdout, shell.Stderr = writer, writer
	err = shell.Start()
	_ = writer.Close()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { // the shell ends with its input
		_ = input.Close()
		_ = shell.Wait()
		_ = reader.Close()
	})
	w.input, w.output = input, bufio.NewReader(reader)
	_, _ = io.WriteString(input, "set -E; trap 'failed=${failed:-$BASH_COMMAND}' ERR\n")
	return w
}

// wrap puts a script before a program that calls it with more arguments.
func (w *world) wrap(name, arguments string) {
	program, err := exec.LookPath(name)
	if err != nil {
		w.Fatal(err)
	}
	script := fmt.Sprintf("#!/bin/sh\nexec %s %s \"$@\"\n", program, arguments)
	if err := os.WriteFile(filepath.Join(w.folder, name), []byte(script), 0o700); err != nil {
		w.Fatal(err)
	}
}

// sh has the shell run a command. It returns the lines that it prints, and the command that failed in it, if any.
func (w *world) sh(command string) (output []string, failed error) {
	w.Helper()
	for i := 0; i < len(w.rewrites); i += 2 {
		command = regexp.MustCompile(`(^|\b)`+regexp.QuoteMeta(w.rewrites[i])+`(\b|$)`).ReplaceAllLiteralString(command, w.rewrites[i+1])
	}
	command = handle.ReplaceAllStringFunc(command, func(h string) string {
		if here := w.handles[h]; here != "" {
			return here
		}
		return h
	})
	script := filepath.Join(w.folder, "command")
	if err := os.WriteFile(script, []byte(command+"\n"), 0o600); err != nil {
		w.Fatal(err)
	}
	const mark = "-- done: "
	if _, err := fmt.Fprintf(w.input, "failed=; . %s </dev/null; printf '\\n%s%%s\\n' \"$failed\"\n", script, mark); err != nil {
		return nil, err
	}
	for {
		line, err := w.output.ReadString('\n')
		if err != nil {
			return output, fmt.Errorf("the shell has ended: %w", err)
		}
		if what, is := strings.CutPrefix(line, mark); is {
			if n := len(output); n > 0 && output[n-1] == "" {
				output = output[:n-1] // the line end before the mark
			}
			if what = strings.TrimSpace(what); what != "" {
				return output, errors.New(what)
			}
			return output, nil
		}
		output = append(output, strings.TrimSuffix(line, "\n"))
	}
}

// demo starts the demo on the Redis of the world.
func (w *world) demo(tools string) {
	command := exec.CommandContext(w.Context(), filepath.Join(tools, "demo"))
	command.Env = append(os.Environ(), "PORT=0", "APP=shop", "FRAMEWORK=chi", "INSTANCE=1", "REDIS_URL="+w.server.URL())
	command.Cancel = func() error { return command.Process.Signal(syscall.SIGTERM) }
	out, err := command.StdoutPipe()
	if err != nil {
		w.Fatal(err)
	}
	var said bytes.Buffer
	command.Stderr = &said
	if err := command.Start(); err != nil {
		w.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	done := make(chan struct{})
	go func() { // ends with the demo, which ends with the test's context
		defer close(done)
		_, _ = io.Copy(io.Discard, out)
		_ = command.Wait()
	}()
	w.Cleanup(func() { <-done })
	_, address, _ := strings.Cut(line, "http://")
	address, _, _ = strings.Cut(address, " ")
	if err != nil || address == "" {
		w.Fatalf("the demo says %q (%v)", line, err)
	}
	w.rewrites = append(w.rewrites, "localhost:8080", address, "127.0.0.1:8080", address)
}

// manager is one of application shop.
func (w *world) manager(o session.Options) *session.Manager {
	w.Helper()
	client := redis.NewClient(&redis.Options{Addr: w.server.Addr()})
	o.App = "shop"
	m, err := session.New(client, o)
	if err != nil {
		w.Fatal(err)
	}
	w.Cleanup(func() {
		_ = m.Close()
		_ = client.Close()
	})
	return m
}

// visit makes a session of a user, and returns its handle.
func (w *world) visit(m *session.Manager, user string) (handle string) {
	w.Helper()
	err := m.Do(w.Context(), "", session.Exclusive, func(s *session.Session) error {
		if user != "" {
			s.SetPrincipal(user)
		}
		s.Set("cart", []string{"apple"})
		s.Set("seen", "monday")
		handle = s.Handle()
		return nil
	})
	if err != nil {
		w.Fatal(err)
	}
	return handle
}

// worlds say what the commands of a page meet, beside the demo and a session of user ann.
var worlds = map[string]func(w *world){
	"docs/berthctl.md": func(w *world) {
		m := w.manager(session.Options{TrackEnd: true, EndAttempts: 1, LockTTL: 100 * time.Millisecond})
		carl := w.visit(m, "carl")
		if err := m.EndHandle(w.Context(), carl); err != nil {
			w.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(w.Context(), time.Minute)
		defer cancel()
		go func() { // ends when the end is aside
			for m.Stats().EndsAside == 0 && ctx.Err() == nil {
				runtime.Gosched()
			}
			cancel()
		}()
		err := m.HandleEnd(ctx, func(context.Context, session.Ended) error { return errors.New("no archive") })
		if err != nil || m.Stats().EndsAside == 0 {
			w.Fatalf("no end was put aside (%v)", err)
		}
		for _, user := range []string{"bob", "", "ann", "ann"} {
			w.visit(m, user)
		}
	},
	"docs/inspector.md": func(w *world) {
		m := w.manager(session.Options{TrackEnd: true})
		w.visit(m, "bob")
		server := httptest.NewServer(inspect.New(m, inspect.Options{}))
		w.Cleanup(server.Close)
		w.rewrites = append(w.rewrites, "127.0.0.1:8081/admin/sessions", strings.TrimPrefix(server.URL, "http://"))
	},
}
