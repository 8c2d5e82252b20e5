//go:build testall

package docs

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/cookiejar"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/berthgo/berth/core/redistest"
)

// Each program of a page serves, and knows its visitor again if it counts visits. Another Redis and another port
// than those of the page are all that is changed in it.
func TestPrograms(t *testing.T) {
	t.Parallel()
	redistest.NeedServer(t)
	count := 0
	for _, p := range readPages(t) {
		for _, b := range p.blocks {
			if b.language == "go" && strings.Contains("\n"+b.code, "\npackage main\n") {
				count++
				t.Run(p.name, func(t *testing.T) { serve(t, b) }) // one at a time: to build it takes all cores
			}
		}
	}
	if count < 10 {
		t.Errorf("found %d programs", count)
	}
}

// serve builds and runs a program, and visits it twice.
func serve(t *testing.T, b block) {
	server, err := redistest.Start(t.Context(), redistest.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Stop() })
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := listener.Addr().String()
	_ = listener.Close() // the program listens there
	port := fmt.Sprint("Port: ", server.Port())
	code := strings.NewReplacer(
		`"127.0.0.1:8080"`, `"`+address+`"`, `":8080"`, `"`+address+`"`,
		`"127.0.0.1:6379"`, `"`+server.Addr()+`"`, "session.Config{}", "session.Config{"+port+"}",
		`"redis.internal"`, `"127.0.0.1"`, "SSL: true", port,
	).Replace(b.code)
	folder := t.TempDir()
	file, program := filepath.Join(folder, "main.go"), filepath.Join(folder, "program")
	if err := os.WriteFile(file, []byte(code), 0o600); err != nil {
		t.Fatal(err)
	}
	build := exec.CommandContext(t.Context(), "go", "build", "-o", program, file)
	build.Dir, build.Env = top, workspace(t)
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%s: %v: %s", b, err, out)
	}
	run := exec.CommandContext(t.Context(), program)
	run.Dir = folder
	var said strings.Builder
	run.Stdout, run.Stderr = &said, &said
	if err := run.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() { // until the program ends
		defer close(ended)
		_ = run.Wait()
	}()
	defer func() {
		_ = run.Process.Signal(syscall.SIGKILL)
		<-ended
	}()

	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	client := &http.Client{Jar: jar, Timeout: 10 * time.Second}
	get := func() (body string, status int, err error) {
		response, err := client.Get("http://" + address + "/")
		if err != nil {
			return "", 0, err
		}
		defer response.Body.Close()
		text, err := io.ReadAll(response.Body)
		return string(text), response.StatusCode, err
	}
	var body string
	status := 0
	for limit := time.Now().Add(20 * time.Second); status == 0 && time.Now().Before(limit); {
		body, status, err = get() // refused until it listens
		select {
		case <-ended:
			t.Fatalf("%s: the program has ended: %s", b, &said)
		default:
		}
	}
	if status == 0 || status >= 500 || strings.Contains(code, "visit ") && !strings.Contains(body, "visit 1") {
		t.Errorf("%s: the first visit is answered %d %q (%v)", b, status, body, err)
	}
	if body, status, err = get(); strings.Contains(code, "visit ") && !strings.Contains(body, "visit 2") {
		t.Errorf("%s: the second visit is answered %d %q (%v)", b, status, body, err)
	}
}
