//go:build testall

package hello_test

import (
	"bufio"
	"log"
	"net/http"
	"net/http/cookiejar"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/alicebob/miniredis/v2"

	"github.com/berthgo/berth/core/redistest"
)

var frameworks = []string{"nethttp", "chi", "gin", "echo", "echo5", "fiber", "fiber3"}

var (
	programs string // the folder that has them, built
	realURL  string // where a real Redis is, "" if there is none
)

func TestMain(m *testing.M) {
	folder, err := os.MkdirTemp("", "hello")
	if err != nil {
		log.Fatal(err)
	}
	programs = folder
	if out, err := exec.Command("go", "build", "-o", folder, "./...").CombinedOutput(); err != nil {
		_ = os.RemoveAll(folder)
		log.Fatalf("go build: %v\n%s", err, out)
	}
	redistest.Main(m, func(url string) { realURL = url }, func() error { return os.RemoveAll(folder) })
}

// onEach runs a test on miniredis, and on a real Redis if there is one.
func onEach(t *testing.T, test func(t *testing.T, redis string)) {
	t.Helper()
	t.Run("miniredis", func(t *testing.T) {
		t.Parallel()
		test(t, "redis://"+miniredis.RunT(t).Addr())
	})
	if realURL != "" {
		t.Run("redis", func(t *testing.T) {
			t.Parallel()
			test(t, realURL)
		})
	}
}

// program is one that runs, as a process.
type program struct {
	t     *testing.T
	cmd   *exec.Cmd
	url   string
	said  *bufio.Scanner // what it says after its address
	ended bool
}

// start starts a program at a port that the system chooses, and waits until it says where it is.
func start(t *testing.T, framework, redis string) *program {
	t.Helper()
	p := &program{t: t, cmd: exec.CommandContext(t.Context(), filepath.Join(programs, framework))}
	p.cmd.Env = append(os.Environ(), "PORT=0", "REDIS_URL="+redis)
	said, err := p.cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if !p.ended {
			_ = p.cmd.Process.Kill()
			_ = p.cmd.Wait()
		}
	})
	p.said = bufio.NewScanner(said)
	for p.url == "" && p.said.Scan() {
		if _, address, found := strings.Cut(p.said.Text(), "http://"); found {
			p.url = "http://" + address
		}
	}
	if p.url == "" {
		t.Fatalf("%s ended before it said where it is", framework)
	}
	return p
}

// stop asks the program to end.
func (p *program) stop() {
	p.t.Helper()
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		p.t.Fatal(err)
	}
}

// wait waits until the program has ended. It must have said nothing more than its address.
func (p *program) wait() {
	p.t.Helper()
	for p.said.Scan() {
		p.t.Errorf("it says %s", p.said.Text())
	}
	p.ended = true
	if err := p.cmd.Wait(); err != nil {
		p.t.Errorf("it ended with %v", err)
	}
}

// newBrowser returns a client that keeps cookies.
func newBrowser(t *testing.T) *http.Client {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	transport := &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Jar: jar, Transport: transport}
}
