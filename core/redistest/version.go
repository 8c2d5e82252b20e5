package redistest

import (
	"context"
	"os/exec"
	"regexp"
	"strconv"
	"time"
)

const versionPatience = 5 * time.Second

var versionForm = regexp.MustCompile(`(\w+) server v=(\d+)\.(\d+)`)

// version is the major and the minor version of a server.
type version struct {
	major, minor int
	valkey       bool
}

// versionOf asks the program at path, five seconds at most.
func versionOf(path string) version {
	ctx, cancel := context.WithTimeout(context.Background(), versionPatience)
	defer cancel()
	said, _ := exec.CommandContext(ctx, path, "--version").Output() // a start says what is wrong with the program
	return parseVersion(string(said))
}

// parseVersion reads what redis-server --version prints. If there is no version in it, the server counts as new.
func parseVersion(said string) version {
	found := versionForm.FindStringSubmatch(said)
	if found == nil {
		return version{major: 1000}
	}
	major, _ := strconv.Atoi(found[2]) // they are digits
	minor, _ := strconv.Atoi(found[3])
	return version{major, minor, found[1] == "Valkey"}
}

func (v version) atLeast(major, minor int) bool {
	return v.major > major || v.major == major && v.minor >= minor
}
