//go:build !linux

package redistest

import "os/exec"

// diesWithParent does nothing: only Linux offers this. Elsewhere a test process
// that is killed, or exits without Stop, leaves its server behind.
func diesWithParent(*exec.Cmd) {}
