package redistest

import (
	"os/exec"
	"syscall"
)

// diesWithParent has the kernel kill the child when the thread that starts it
// ends; launch says how that becomes the life of this process.
func diesWithParent(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
}
