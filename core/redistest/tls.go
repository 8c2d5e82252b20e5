package redistest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"time"
)

// TLSMode says whether a server speaks TLS, and to whom.
type TLSMode int

const (
	// NoTLS is plain TCP.
	NoTLS TLSMode = iota
	// ServerTLS is a server that speaks nothing but TLS, with a certificate for
	// 127.0.0.1, ::1 and localhost.
	ServerTLS
	// MutualTLS is ServerTLS, and clients must show a certificate too.
	MutualTLS
)

// ErrNoTLS is in the error of a start with TLS if redis-server was built without TLS.
var ErrNoTLS = errors.New("redistest: this redis-server was built without TLS")

const certificateLife = 24 * time.Hour

// Certificates are the certificates of one server or topology. A CA that nothing else knows signs
// them. They are valid for 24 hours.
type Certificates struct {
	// CAFile, ClientCertFile and ClientKeyFile are PEM files. They are removed with the server's
	// directory.
	CAFile, ClientCertFile, ClientKeyFile string

	serverCertFile, serverKeyFile string
	roots                         *x509.CertPool
	client                        tls.Certificate
}

// Config returns a new configuration for clients. It trusts only the CA, and has a client
// certificate. A server with [ServerTLS] does not ask for that.
func (c *Certificates) Config() *tls.Config {
	return &tls.Config{RootCAs: c.roots, Certificates: []tls.Certificate{c.client}, MinVersion: tls.VersionTLS12}
}

// arguments make a server use the certificates, also towards other servers.
func (c *Certificates) arguments(m TLSMode) []string {
	clients := "no"
	if m == MutualTLS {
		clients = "yes"
	}
	return []string{
		"--tls-ca-cert-file", c.CAFile,
		"--tls-cert-file", c.serverCertFile,
		"--tls-key-file", c.serverKeyFile,
		"--tls-auth-clients", clients,
		"--tls-replication", "yes",
	}
}

// certify makes the certificates that m needs, in dir; none for [NoTLS].
func certify(m TLSMode, dir string) (*Certificates, error) {
	switch m {
	case NoTLS:
		return nil, nil
	case ServerTLS, MutualTLS:
	default:
		return nil, fmt.Errorf("redistest: there is no TLS mode %d", m)
	}
	c, err := newCertificates(dir)
	if err != nil {
		return nil, fmt.Errorf("redistest: %w", err)
	}
	return c, nil
}

func newCertificates(dir string) (*Certificates, error) {
	ca, err := newCertificate("CA", nil, func(t *x509.Certificate) {
		t.IsCA, t.BasicConstraintsValid = true, true
		t.KeyUsage = x509.KeyUsageCertSign
	})
	if err != nil {
		return nil, err
	}
	server, err := newCertificate("server", ca, func(t *x509.Certificate) {
		t.DNSNames = []string{"localhost"}
		t.IPAddresses = []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback}
		// A replica is a client of its master, with the same certificate.
		t.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}
	})
	if err != nil {
		return nil, err
	}
	client, err := newCertificate("client", ca, func(t *x509.Certificate) {
		t.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}
	})
	if err != nil {
		return nil, err
	}

	c := &Certificates{roots: x509.NewCertPool(), client: client.Certificate}
	c.roots.AddCert(ca.Leaf)
	for _, file := range []struct {
		path  *string
		name  string
		block *pem.Block
	}{
		{&c.CAFile, "ca.pem", ca.certPEM()},
		{&c.serverCertFile, "server.pem", server.certPEM()},
		{&c.serverKeyFile, "server.key", server.keyPEM},
		{&c.ClientCertFile, "client.pem", client.certPEM()},
		{&c.ClientKeyFile, "client.key", client.keyPEM},
	} {
		*file.path = filepath.Join(dir, file.name)
		if err := os.WriteFile(*file.path, pem.EncodeToMemory(file.block), 0o600); err != nil {
			return nil, err
		}
	}
	return c, nil
}

// certificate is a certificate with its key, which is of type *ecdsa.PrivateKey.
type certificate struct {
	tls.Certificate
	keyPEM *pem.Block
}

func (c *certificate) certPEM() *pem.Block {
	return &pem.Block{Type: "CERTIFICATE", Bytes: c.Leaf.Raw}
}

// newCertificate makes a certificate. ca signs it. If ca is nil, it signs itself.
func newCertificate(name string, ca *certificate, shape func(*x509.Certificate)) (*certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	if err != nil {
		return nil, err
	}
	template := &x509.Certificate{
		SerialNumber: serial,
		Subject:      pkix.Name{Organization: []string{"redistest"}, CommonName: name},
		NotBefore:    time.Now().Add(-time.Hour), // for clocks that differ
		NotAfter:     time.Now().Add(certificateLife),
		KeyUsage:     x509.KeyUsageDigitalSignature,
	}
	shape(template)
	parent, signer := template, any(key)
	if ca != nil {
		parent, signer = ca.Leaf, ca.PrivateKey
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, key.Public(), signer)
	if err != nil {
		return nil, err
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, err
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, err
	}
	return &certificate{
		Certificate: tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf},
		keyPEM:      &pem.Block{Type: "PRIVATE KEY", Bytes: keyDER},
	}, nil
}
