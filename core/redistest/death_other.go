//go:build !linux

package redistest

import "os/exec"

// diesWithParent does nothing: only Linux can do this. Elsewhere, if a test process is killed, or
// exits without Stop, its server goes on.
func diesWithParent(*exec.Cmd) {}
