package redistest

import (
	"errors"
	"os"
	"os/exec"
	"runtime"
	"syscall"
	"time"
)

// process is a child. Any number of goroutines can wait for its end.
type process struct {
	*os.Process
	exited chan struct{} // closed once it is reaped
}

// launch starts cmd. On Linux, the child dies with this process, even if this process is killed: see
// diesWithParent.
//
// The kernel sends that signal when the parent thread ends, and not when the parent process ends.
// The Go runtime does end threads, for example when a goroutine returns that was locked to one. So
// the goroutine here starts the child, locks its thread, and keeps the thread as long as the child
// lives.
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
		_ = cmd.Wait() // only the end counts; the log says how it ended
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

// terminate asks the process to end. If it has not ended within patience, terminate kills it.
func (p *process) terminate(patience time.Duration) error {
	if err := p.Signal(syscall.SIGTERM); err != nil {
		return p.kill() // the process is gone, or this system has no such signals
	}
	_ = p.resume() // a frozen process handles SIGTERM only after it goes on
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case <-p.exited:
		return nil
	case <-timer.C:
		return p.kill()
	}
}
