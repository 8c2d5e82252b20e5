//go:build !linux

package run

import "os/exec"

// diesWithParent does nothing here: the end of its standard input ends the process.
func diesWithParent(*exec.Cmd) {}
