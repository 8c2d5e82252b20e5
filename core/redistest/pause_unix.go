//go:build unix

package redistest

import (
	"bytes"
	"fmt"
	"os"
	"syscall"
	"time"
)

// pause freezes the process. kill(2) returns before the process stands still. If there is a /proc,
// pause waits until the process does.
func (p *process) pause() error {
	if err := p.Signal(syscall.SIGSTOP); err != nil {
		return err
	}
	for deadline := time.Now().Add(5 * time.Second); !standsStill(p.Pid); {
		if time.Now().After(deadline) {
			return fmt.Errorf("process %d goes on after SIGSTOP", p.Pid)
		}
		time.Sleep(time.Millisecond)
	}
	return nil
}

func (p *process) resume() error {
	return p.Signal(syscall.SIGCONT)
}

// standsStill reads the state that follows the name in /proc/PID/stat. Without /proc, it returns
// true.
func standsStill(pid int) bool {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return true
	}
	_, rest, _ := bytes.Cut(stat, []byte(") "))
	return bytes.HasPrefix(rest, []byte("T"))
}
