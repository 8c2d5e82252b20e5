package redistest

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// setupTLS is setup, but skips where redis-server has no TLS.
func setupTLS(t *testing.T, o Options) *Server {
	t.Helper()
	NeedServer(t)
	s, err := Start(t.Context(), o)
	if errors.Is(err, ErrNoTLS) {
		t.Skip(err)
	}
	return mustStop(t, s, err)
}

func TestTLS(t *testing.T) {
	t.Parallel()
	s := setupTLS(t, Options{TLS: ServerTLS, Password: "secret"})
	certs := s.Certificates()
	if !strings.HasPrefix(s.URL(), "rediss://:secret@127.0.0.1:") {
		t.Errorf("URL is %s", s.URL())
	}
	byName := strings.Replace(s.URL(), loopback, "localhost", 1)
	for _, url := range []string{s.URL(), byName} {
		mustPing(t, dial(t, url, certs))
	}

	withoutOwn := *certs
	withoutOwn.client = tls.Certificate{}
	mustPing(t, dial(t, s.URL(), &withoutOwn))

	var unknown x509.UnknownAuthorityError
	if _, err := tls.Dial("tcp", s.Addr(), nil); !errors.As(err, &unknown) {
		t.Errorf("without the CA: %v, want x509.UnknownAuthorityError", err)
	}
	if err := dial(t, "redis://"+s.Addr(), nil).Ping(t.Context()).Err(); err == nil {
		t.Error("it speaks plain TCP too")
	}

	if err := s.Kill(); err != nil {
		t.Fatal(err)
	}
	if err := s.Restart(t.Context()); err != nil {
		t.Fatal(err)
	}
	mustPing(t, dial(t, s.URL(), certs))

	if err := s.Stop(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(certs.CAFile); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the CA's file after Stop: %v, want it gone", err)
	}
}

func TestMutualTLS(t *testing.T) {
	t.Parallel()
	s := setupTLS(t, Options{TLS: MutualTLS})
	certs := s.Certificates()
	mustPing(t, dial(t, s.URL(), certs))

	without := *certs
	without.client = tls.Certificate{}
	if err := dial(t, s.URL(), &without).Ping(t.Context()).Err(); err == nil {
		t.Error("it takes clients without a certificate")
	}
	others := *certs
	others.client = setupTLS(t, Options{TLS: ServerTLS}).Certificates().client
	if err := dial(t, s.URL(), &others).Ping(t.Context()).Err(); err == nil {
		t.Error("it takes certificates of another CA")
	}
}

// This is what a program does that gets file names.
func TestCertificateFiles(t *testing.T) {
	t.Parallel()
	certs := setupTLS(t, Options{TLS: MutualTLS}).Certificates()
	ca, err := os.ReadFile(certs.CAFile)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(ca) {
		t.Error("no certificate in CAFile")
	}
	pair, err := tls.LoadX509KeyPair(certs.ClientCertFile, certs.ClientKeyFile)
	if err != nil {
		t.Fatal(err)
	}
	_, err = pair.Leaf.Verify(x509.VerifyOptions{Roots: roots, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}})
	if err != nil {
		t.Error(err)
	}
}

// A redis-server without TLS says that it knows no such directive.
func TestServerWithoutTLS(t *testing.T) {
	t.Parallel()
	script := "#!/bin/sh\n" +
		`printf '*** FATAL CONFIG FILE ERROR ***\n>>> '"'"'tls-port "1"'"'"'\nBad directive or wrong number of arguments\n'` +
		"\nexit 1\n"
	path := filepath.Join(t.TempDir(), "redis-server")
	if err := os.WriteFile(path, []byte(script), 0o700); err != nil {
		t.Fatal(err)
	}
	if _, err := Start(t.Context(), Options{Path: path, TLS: ServerTLS}); !errors.Is(err, ErrNoTLS) {
		t.Errorf("got %v, want ErrNoTLS", err)
	}
	if _, err := Start(t.Context(), Options{Path: path, TLS: 7}); err == nil || !strings.Contains(err.Error(), "mode 7") {
		t.Errorf("got %v, want an error that names the mode", err)
	}
}
