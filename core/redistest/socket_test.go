package redistest

import (
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestUnixSocket(t *testing.T) {
	t.Parallel()
	long := filepath.Join(t.TempDir(), strings.Repeat("d", maxSocketPath))
	if err := os.Mkdir(long, 0o700); err != nil {
		t.Fatal(err)
	}
	for name, o := range map[string]Options{
		"password":      {UnixSocket: true, Password: "p w/d"},
		"long path":     {UnixSocket: true, Dir: long},
		"TLS beside it": {UnixSocket: true, TLS: ServerTLS},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := setupTLS(t, o)
			if path := s.Socket(); !filepath.IsAbs(path) || len(path) > maxSocketPath {
				t.Errorf("path %q of %d bytes", path, len(path))
			}
			if !strings.HasPrefix(s.URL(), "unix://") {
				t.Errorf("URL is %s", s.URL())
			}
			mustPing(t, dial(t, s.URL(), nil))
			if err := s.probe(t.Context(), s.proc.Pid); err != nil {
				t.Errorf("over TCP: %v", err)
			}
			if err := s.Restart(t.Context()); err != nil {
				t.Fatal(err)
			}
			mustPing(t, dial(t, s.URL(), nil))
			if err := s.Stop(); err != nil {
				t.Fatal(err)
			}
			if _, err := net.Dial("unix", s.Socket()); err == nil {
				t.Error("something still listens")
			}
			for _, dir := range s.temporary {
				if _, err := os.Stat(dir); !errors.Is(err, os.ErrNotExist) {
					t.Errorf("%s after Stop: %v, want it gone", dir, err)
				}
			}
		})
	}
}
