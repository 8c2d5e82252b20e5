package redistest

import (
	"errors"
	"os"
	"os/exec"
	"runtime"
	"syscall"
	"time"
)

// process is a child whose end can be awaited by any number of goroutines.
type process struct {
	*os.Process
	exited chan struct{} // closed once it is reaped
}

// launch starts cmd so that, on Linux, it dies with this process even when
// this process is killed (see diesWithParent).
//
// The kernel sends that signal when the parent *thread* ends, not the parent
// process. The Go runtime does end threads: when a goroutine returns that was
// locked to one, for example. Hence the goroutine here starts the child, keeps
// its thread to itself, and holds it for as long as the child lives.
func launch(cmd *exec.Cmd) (*process, error) {
	p := &process{exited: make(chan struct{})}
	started := make(chan error)
	go func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		diesWithParent(cmd)
		err := cmd.Start()
		p.Process = cmd.Process
		started <- err
		if err != nil {
			return
		}
		_ = cmd.Wait() // how it ended is in the log; that it ended is what counts
		close(p.exited)
	}()
	if err := <-started; err != nil {
		return nil, err
	}
	return p, nil
}

// kill ends the process at once and waits until it is gone.
func (p *process) kill() error {
	if err := p.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	<-p.exited
	return nil
}

// terminate asks the process to end, and kills it when it does not within
// patience.
func (p *process) terminate(patience time.Duration) error {
	if err := p.Signal(syscall.SIGTERM); err != nil {
		return p.kill() // it is gone, or signals are not to be had here
	}
	_ = p.resume() // a frozen process takes SIGTERM only when it goes on
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case <-p.exited:
		return nil
	case <-timer.C:
		return p.kill()
	}
}
