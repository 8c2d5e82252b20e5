package redistest

import "os/exec"

// Find looks for redis-server on PATH. It does not run it, so a binary that is
// there but broken shows only in [Start].
func Find() (path string, ok bool) {
	path, err := exec.LookPath("redis-server")
	return path, err == nil
}
