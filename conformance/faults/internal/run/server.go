package run

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/berthgo/berth/conformance/faults/internal/wire"
)

// startTime is how long a server process may take until it listens.
const startTime = 20 * time.Second

// server is one server process, which may be killed and started again.
type server struct {
	settings wire.Settings
	program  string

	mu      sync.Mutex
	addr    string
	process *os.Process
	input   io.Closer
	exited  chan struct{}
}

// start starts the process, and returns when it listens. It ends with this process, in whatever way that
// ends: its standard input ends then, and on Linux the kernel kills it, also if it is stopped.
func (s *server) start() error {
	text, err := json.Marshal(s.settings)
	if err != nil {
		return err
	}
	cmd := exec.Command(s.program)
	cmd.Env = append(os.Environ(), wire.Variable+"="+string(text), "GOMAXPROCS=2")
	cmd.Stderr = os.Stderr
	input, err := cmd.StdinPipe()
	if err != nil {
		return err
	}
	output, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	exited, started := make(chan struct{}), make(chan error)
	go func() {
		// The kernel's signal comes with the end of the thread that has started the process.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		diesWithParent(cmd)
		err := cmd.Start()
		started <- err
		if err != nil {
			return
		}
		_, _ = cmd.Process.Wait()
		close(exited)
	}()
	if err := <-started; err != nil {
		return err
	}
	line := make(chan string, 1)
	go func() { // ends with the process
		text, _ := bufio.NewReader(output).ReadString('\n')
		line <- strings.TrimSpace(text)
		_ = output.Close()
	}()
	timer := time.NewTimer(startTime)
	defer timer.Stop()
	select {
	case addr := <-line:
		if addr == "" {
			return errors.Join(fmt.Errorf("server %s did not start", s.settings.Name), cmd.Process.Kill())
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		s.addr, s.process, s.input, s.exited = addr, cmd.Process, input, exited
		return nil
	case <-timer.C:
		return errors.Join(fmt.Errorf("server %s did not start in %v", s.settings.Name, startTime), cmd.Process.Kill())
	}
}

// address is where the process listens, "" if it has never started.
func (s *server) address() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.addr
}

func (s *server) signal(what syscall.Signal) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.process == nil {
		return nil
	}
	return s.process.Signal(what)
}

// kill ends the process at once, and returns when it is gone.
func (s *server) kill() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.process == nil {
		return nil
	}
	err := s.process.Kill()
	if errors.Is(err, os.ErrProcessDone) {
		err = nil
	}
	<-s.exited
	_ = s.input.Close()
	s.process = nil
	return err
}
