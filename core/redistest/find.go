package redistest

import (
	"os"
	"os/exec"
)

// Find returns the path in the environment variable REDIS_SERVER. If that is empty, Find looks for
// redis-server on PATH. It does not run it. So only [Start] notices a broken binary, or a
// REDIS_SERVER that is not there.
func Find() (path string, ok bool) {
	if path := os.Getenv("REDIS_SERVER"); path != "" {
		return path, true // no test is skipped because of a wrong path
	}
	path, err := exec.LookPath("redis-server")
	return path, err == nil
}

// NeedServer is for a test that calls [Start], [StartCluster] or [StartSentinel]. Such a test
// cannot use REDIS_URL. If [Find] finds no redis-server, NeedServer skips the test. If
// REQUIRE_REDIS is 1, as in CI, it fails the test instead. The message says what to install. t is a
// *testing.T or *testing.B.
func NeedServer(t interface {
	Helper()
	Skip(args ...any)
	Fatal(args ...any)
},
) {
	t.Helper()
	switch _, ok := Find(); {
	case ok:
	case os.Getenv("REQUIRE_REDIS") == "1":
		t.Fatal("redistest: REQUIRE_REDIS is 1 but the test gets no server of its own: " + howToInstall)
	default:
		t.Skip("redistest: skipped, for want of a server of its own: " + howToInstall)
	}
}

const howToInstall = "put redis-server on PATH (Debian: apt-get install redis-server, macOS: brew install redis)"
