package conformance_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"go/parser"
	"go/token"
	"io"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// violation says which rule forbids that the package from imports the package
// to, or "" if none does. Packages of this repository are named without root.
func violation(from, to string, inTest bool) string {
	suite := within(from, "conformance") && !within(from, apart...)
	inTest = inTest || within(from, rig)
	switch {
	case within(to, "conformance") && !within(from, "conformance"):
		return "nothing imports conformance"
	case within(to, "examples") && !within(from, "examples"):
		return "nothing imports examples"
	case within(to, "testing") && !inTest && !suite:
		return "only tests and the conformance suite import testing"
	case within(to, rig) && !(inTest && within(from, "core")):
		return "only core's tests import the rig"
	case within(to, "core/redistest") && !inTest && within(from, "core"):
		return "only core's tests import redistest"
	case within(to, sessiontest) && !inTest:
		return "only tests import sessiontest"
	case within(to, mini) && !inTest && from != sessiontest:
		return "only tests and sessiontest import mini, which brings miniredis"
	case standard(to):
		return ""

	case within(from, "core") && inTest:
		if !within(to, "core", goRedis, miniredis, "go.uber.org/goleak", "pgregory.net/rapid") {
			return "core's tests import core, go-redis, miniredis, goleak and rapid alone"
		}
	case within(from, "core"):
		allowed, listed := rooms[from]
		switch {
		case !listed:
			return "a package of core needs a place in rooms"
		case within(to, "core") && !slices.Contains(allowed, to), !within(to, append(allowed, "core")...):
			return "rooms does not list it: arrows go down only"
		}

	case within(from, "adapters/fibersession", "adapters/fiber3session") && within(to, "core/httpsession"):
		return "fiber is not net/http, so its adapters have no use for httpsession"
	case within(from, "adapters"):
		self := strings.Join(strings.SplitN(from, "/", 3)[:2], "/")
		if within(to, "adapters") && !within(to, append(frameworks[self], self)...) {
			return "no adapter imports another, unless frameworks says so"
		}
		if !inTest && !within(to, append(frameworks[self], self, "core")...) {
			return "an adapter imports core and its framework alone (is it listed in frameworks?)"
		}

	case suite && !inTest && !within(to, "conformance", "core", goRedis, miniredis):
		return "the conformance suite knows no adapter and no framework; its tests do"
	}
	return ""
}

// within reports whether path is one of the folders or below one.
func within(path string, folders ...string) bool {
	return slices.ContainsFunc(folders, func(f string) bool {
		return path == f || strings.HasPrefix(path, f+"/")
	})
}

// standard reports whether path is in the standard library: such paths
// do not begin with a host name. Neither do those of this repository without root.
func standard(path string) bool {
	first, _, _ := strings.Cut(path, "/")
	return !strings.Contains(first, ".") && !within(path, "core", "adapters", "conformance", "examples")
}

type listed struct {
	ImportPath string
	Deps       []string
}

// What a file imports counts whatever its build tags, and for whatever system it is.
func TestImportRules(t *testing.T) {
	t.Parallel()
	for from, files := range sources(t) {
		if _, placed := rooms[from]; within(from, "core") && !placed && !within(from, rig) {
			t.Errorf("%s has no place in rooms", from)
		}
		for name, imports := range files {
			for _, to := range imports {
				if rule := violation(from, strings.TrimPrefix(to, root), strings.HasSuffix(name, "_test.go")); rule != "" {
					t.Errorf("%s: %s imports %s, but %s", from, name, to, rule)
				}
			}
		}
	}
	for _, p := range list(t) {
		from := strings.TrimPrefix(p.ImportPath, root)
		if !within(from, "core") || within(from, rig, mini, sessiontest) {
			continue
		}
		for _, dep := range p.Deps {
			if !bringable(strings.TrimPrefix(dep, root)) {
				t.Errorf("%s brings %s, which coreBrings does not list", from, dep)
			}
		}
	}
}

// sources returns what every Go file of the repository imports, by folder and name.
func sources(t *testing.T) map[string]map[string][]string {
	t.Helper()
	all := make(map[string]map[string][]string)
	err := filepath.WalkDir("..", func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && path != ".." && (strings.HasPrefix(d.Name(), ".") || d.Name() == "testdata"):
			return fs.SkipDir
		case d.IsDir() || !strings.HasSuffix(path, ".go"):
			return nil
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		from := strings.TrimPrefix(filepath.ToSlash(filepath.Dir(path)), "../")
		if all[from] == nil {
			all[from] = make(map[string][]string)
		}
		all[from][d.Name()] = nil
		for _, spec := range file.Imports {
			to, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				return err
			}
			all[from][d.Name()] = append(all[from][d.Name()], to)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// bringable reports whether core may depend on dep, at whatever distance.
func bringable(dep string) bool {
	if standard(dep) {
		return !within(dep, "testing")
	}
	return within(dep, "core") || within(dep, coreBrings...)
}

// The rules would be worth nothing if they let everything pass.
func TestImportRulesCanFail(t *testing.T) {
	t.Parallel()
	const code, test = false, true
	for _, c := range []struct {
		from, to string
		inTest   bool
		allowed  bool
	}{
		{"core/session", "github.com/gin-gonic/gin", code, false},
		{"core/session", "github.com/gin-gonic/gin", test, false},
		{"core/session", miniredis, code, false},
		{"core/session", miniredis, test, true},
		{"core/session", miniredis + "/server", test, true},
		{"core/session", goRedis, code, true},
		{"core/session", "github.com/redis/go-redis/extra/redisotel/v9", code, false},
		{"core/session", goRedis + "evil", code, false},
		{"core/session", "core/internal/store", code, true},
		{"core/session", "core/internal/gate", code, false},
		{"core/session", "core/httpsession", code, false},
		{"core/session", "core/buffered", code, false},
		{"core/internal/lease", "core/internal/gate", code, true},
		{"core/internal/lease", "core/internal/ends", code, false},
		{"core/internal/lease", "core/session", code, false},
		{"core/internal/lease", "core/session", test, true},
		{"core/internal/lease", goRedis, code, false},
		{"core/internal/ends", "core/internal/lease", code, false},
		{"core/internal/ends", goRedis, code, true},
		{"core/internal/values", "core/internal/store", code, false},
		{"core/internal/values", goRedis, code, false},
		{"core/internal/values", "encoding/json", code, true},
		{"core/internal/tasks", "core/internal/retry", code, true},
		{"core/internal/tasks", "core/internal/store", code, false},
		{"core/internal/store", "core/internal/retry", code, false},
		{"core/internal/new", "core/internal/store", code, false},
		{"core/inspect", "core/session", code, true},
		{"core/inspect", "core/internal/store", code, false},
		{"core/inspect", goRedis, code, false},
		{"core/session", "core/inspect", code, false},
		{"core/cmd/berthctl", "core/session", code, true},
		{"core/cmd/berthctl", "core/redistest", code, false},
		{"core/session", "core/cmd/berthctl", code, false},
		{"core/session", "core/redistest", code, false},
		{"core/session", "core/redistest", test, true},
		{"core/session", rig, code, false},
		{"core/session", rig, test, true},
		{"core/redistest", rig, code, false},
		{sessiontest, mini, code, true},
		{sessiontest, "core/session", code, true},
		{sessiontest, "core/httpsession", code, false},
		{sessiontest, "core/httpsession", test, true},
		{sessiontest, miniredis, code, false},
		{sessiontest, "core/redistest", code, false},
		{sessiontest, "testing", code, false},
		{sessiontest, "net/http/httptest", code, true},
		{"core/session", sessiontest, code, false},
		{"examples/demo", sessiontest, code, false},
		{"examples/demo", sessiontest, test, true},
		{"adapters/ginsession", sessiontest, code, false},
		{"adapters/ginsession", sessiontest, test, true},
		{"conformance", sessiontest, code, false},
		{mini, miniredis, code, true},
		{mini, "core/session", code, false},
		{rig, mini, code, true},
		{"core/session", mini, code, false},
		{"core/session", mini, test, true},
		{"conformance", rig, test, false},
		{"adapters/ginsession", rig, test, false},
		{rig, "testing", code, true},
		{rig, miniredis, code, true},
		{rig, "go.uber.org/goleak", code, true},
		{rig, "core/redistest", code, true},
		{rig, "core/session", code, true},
		{rig, "github.com/gin-gonic/gin", code, false},
		{rig + "ging", "testing", code, false},
		{"core/session", "testing", code, false},
		{"core/session", "testing/synctest", code, false},
		{"core/session", "testing", test, true},
		{"core/session", "crypto/rand", code, true},
		{"core/session", "adapters/ginsession", code, false},
		{"core/session", "conformance", test, false},
		{"core/session", "core/connect", code, true},
		{"core/connect", goRedis, code, true},
		{"core/connect", goRedis + "/maintnotifications", code, true},
		{"core/connect", "crypto/tls", code, true},
		{"core/connect", "core/internal/store", code, false},
		{"core/connect", "core/session", code, false},
		{"core/connect", "core/redistest", code, false},
		{"core/connect", "core/redistest", test, true},
		{"core/connect", miniredis, code, false},
		{"core/connect", miniredis + "/server", test, true},
		{"core/connect", "testing", code, false},
		{"core/redistest", goRedis, code, false},
		{"core/redistest", "core/session", code, false},
		{"core/redistest", "testing", code, false},
		{"core/redistest", "go.uber.org/goleak", test, true},
		{"adapters/ginsession", "github.com/gin-gonic/gin/binding", code, true},
		{"adapters/ginsession", "core/httpsession", code, true},
		{"adapters/ginsession", "adapters/ginsession", test, true},
		{"adapters/ginsession", "adapters/chisession", code, false},
		{"adapters/ginsession", "adapters/chisession", test, false},
		{"adapters/ginsession", "adapters/ginsessionextra", code, false},
		{"adapters/ginsession", "github.com/labstack/echo/v4", code, false},
		{"adapters/ginsession", miniredis, code, false},
		{"adapters/ginsession", miniredis, test, true},
		{"adapters/ginsession", "conformance", code, false},
		{"adapters/ginsession", "conformance", test, false},
		{"adapters/ginsession", "testing", code, false},
		{"adapters/otelsession", "go.opentelemetry.io/otel/trace", code, true},
		{"adapters/otelsession", "github.com/prometheus/client_golang/prometheus", code, false},
		{"adapters/otelsession", "go.opentelemetry.io/otel/sdk/metric", test, true},
		{"adapters/promsession", "github.com/prometheus/client_golang/prometheus", code, true},
		{"adapters/promsession", "go.opentelemetry.io/otel", code, false},
		{"adapters/promsession", "adapters/otelsession", code, false},
		{"adapters/newsession", "example.com/framework", code, false},
		{"adapters/fibersession", "github.com/valyala/fasthttp", code, true},
		{"adapters/fibersession", "core/httpsession", code, false},
		{"adapters/fibersession", "core/httpsession", test, false},
		{"adapters/fiber3session", "github.com/gofiber/fiber/v3/middleware/recover", code, true},
		{"adapters/fiber3session", "github.com/gofiber/fiber/v2", code, false},
		{"adapters/fiber3session", "adapters/fibersession", code, false},
		{"adapters/fiber3session", "core/httpsession", code, false},
		{"adapters/echo5session", "github.com/labstack/echo/v5", code, true},
		{"adapters/echo5session", "github.com/labstack/echo/v4", code, false},
		{"adapters/echo5session", "adapters/echosession", code, false},
		{"adapters/gincontribstore", gorillastore, code, true},
		{gorillastore, "adapters/gincontribstore", code, false},
		{gorillastore, "adapters/gincontribstore", test, false},
		{"adapters/ginsession", gorillastore, code, false},
		{gorillastore, "github.com/gorilla/sessions", code, true},
		{gorillastore, "github.com/boj/redistore", code, false},
		{"conformance/stores", "github.com/boj/redistore", test, true},
		{"conformance/stores", gorillastore, test, true},
		{"conformance/stores", "testing", code, false},
		{"conformance/faults", "testing", code, false},
		{"conformance/faults/internal/history", "github.com/anishathalye/porcupine", code, true},
		{"conformance/faults/internal/run", "core/redistest", code, true},
		{"conformance/faults/internal/app", "adapters/ginsession", code, true},
		{"conformance/release", "golang.org/x/mod/zip", code, true},
		{"conformance/release", "testing", code, false},
		{"conformance", "testing", code, true},
		{"conformance", "adapters/ginsession", code, false},
		{"conformance", "adapters/ginsession", test, true},
		{"conformance", "github.com/gin-gonic/gin", code, false},
		{"conformance", "examples/demo", test, false},
		{"conformance/bench", "conformance", test, true},
		{"conformance/bench", "testing", code, false},
		{"conformance/bench", "adapters/ginsession", code, true},
		{"examples/demo", "conformance", code, false},
		{"examples/demo", "conformance/bench", code, false},
		{"examples/demo", "examples/internal/x", code, true},
		{"examples/demo", "adapters/chisession", code, true},
		{"examples/demo", "core/redistest", code, true},
		{"examples/demo", "testing", code, false},
	} {
		if rule := violation(c.from, c.to, c.inTest); (rule == "") != c.allowed {
			t.Errorf("%s imports %s (in a test: %t): got rule %q, want it allowed: %t", c.from, c.to, c.inTest, rule, c.allowed)
		}
	}
	for dep, want := range map[string]bool{
		"net/http": true, goRedis + "/internal/pool": true, "core/internal/store": true,
		"testing": false, "github.com/gin-gonic/gin": false, miniredis: false, "adapters/ginsession": false,
	} {
		if got := bringable(dep); got != want {
			t.Errorf("core may depend on %s: got %t, want %t", dep, got, want)
		}
	}
}

// list asks the go command for all packages of all modules.
func list(t *testing.T) []listed {
	t.Helper()
	top, err := filepath.Abs("..")
	if err != nil {
		t.Fatal(err)
	}
	work := filepath.Join(top, "go.work")
	if _, err := os.Stat(work); errors.Is(err, fs.ErrNotExist) {
		t.Skip("no go.work above: this is not a checkout of the repository")
	}
	// -e, so that a package that does not build is still checked.
	cmd := exec.CommandContext(t.Context(), "go", "list", "-e",
		"-json=ImportPath,Deps", "work")
	cmd.Dir = top
	cmd.Env = append(os.Environ(), "GOWORK="+work, "GOFLAGS=")
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}

	missing := append([]string{"core/connect", "core/redistest", rig, mini, "core/session", sessiontest, "conformance", "conformance/bench", "conformance/docs", "conformance/faults", "conformance/release", "conformance/stores", "examples"},
		slices.Collect(maps.Keys(frameworks))...)
	var all []listed
	for d := json.NewDecoder(bytes.NewReader(out)); ; {
		var p listed
		if err := d.Decode(&p); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		all = append(all, p)
		missing = slices.DeleteFunc(missing, func(m string) bool { return root+m == p.ImportPath })
	}
	if len(missing) > 0 {
		t.Fatalf("go list did not list %v", missing)
	}
	return all
}
