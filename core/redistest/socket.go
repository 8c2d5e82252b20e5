package redistest

import (
	"os"
	"path/filepath"
)

// maxSocketPath is below the limits of the systems: 103 bytes on macOS and 107 on Linux.
const maxSocketPath = 100

// socketPath chooses the path of the Unix socket. It is in dir. If that path is too long for a
// socket, it is in a temporary directory of its own, which socketPath returns too.
func socketPath(dir string) (path, temporary string, err error) {
	const name = "redis.sock"
	if path := filepath.Join(dir, name); len(path) <= maxSocketPath {
		return path, "", nil
	}
	for _, parent := range []string{"", "/tmp"} {
		if temporary, err = os.MkdirTemp(parent, "redistest-"); err != nil {
			continue
		}
		if path := filepath.Join(temporary, name); len(path) <= maxSocketPath {
			return path, temporary, nil
		}
		if err = os.Remove(temporary); err != nil {
			return "", "", err
		}
	}
	return "", "", err
}
