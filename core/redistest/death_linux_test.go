package redistest

import (
	"bufio"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"
)

// If a test process is killed, all its servers end too.
func TestDiesWithParent(t *testing.T) {
	t.Parallel()
	NeedServer(t)
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), childEnv+"="+t.TempDir(), "TMPDIR="+t.TempDir())
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	line, readErr := bufio.NewReader(out).ReadString('\n')
	all := strings.Fields(line)
	dial := func(addr string) error {
		conn, err := net.DialTimeout("tcp", addr, time.Second)
		if err != nil {
			return err
		}
		return conn.Close()
	}
	var dialErrs []error
	for _, addr := range all {
		dialErrs = append(dialErrs, dial(addr))
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait() // "signal: killed"
	if err := errors.Join(append(dialErrs, readErr)...); err != nil || len(all) != 4 {
		t.Fatalf("the child's servers %v: %v", all, err)
	}
	for _, addr := range all {
		eventually(t, fmt.Sprintf("%s is gone", addr), func() bool { return dial(addr) != nil })
	}
}

// The end of the thread that called Start must not end the server, although the kernel watches a
// thread.
func TestOutlivesThreads(t *testing.T) {
	t.Parallel()
	setup(t, Options{}) // skips where there is no Redis
	var (
		s   *Server
		err error
		wg  sync.WaitGroup
	)
	wg.Go(func() {
		runtime.LockOSThread() // and no Unlock: the thread ends with the goroutine
		s, err = Start(t.Context(), Options{})
	})
	wg.Wait()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Stop(); err != nil {
			t.Error(err)
		}
	})
	const threads = 100
	var there sync.WaitGroup
	there.Add(threads)
	for range threads {
		wg.Go(func() {
			runtime.LockOSThread()
			there.Done()
			there.Wait() // until each has a thread of its own, which then ends
		})
	}
	wg.Wait()
	mustAsk(t, s, "PONG", "PING")
}
