package redistest

import (
	"os/exec"
	"syscall"
)

// diesWithParent has the kernel kill the child when the thread that starts it ends. launch makes
// that thread live as long as this process.
func diesWithParent(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
}
