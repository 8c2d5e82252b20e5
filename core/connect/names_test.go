package connect_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"net"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2/server"

	"github.com/berthgo/berth/core/connect"
)

// authority signs certificates.
type authority struct {
	t    *testing.T
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

func newAuthority(t *testing.T) *authority {
	t.Helper()
	a := &authority{t: t}
	made := a.sign(&x509.Certificate{IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign})
	a.cert, a.key = made.Leaf, made.PrivateKey.(*ecdsa.PrivateKey)
	return a
}

func (a *authority) sign(c *x509.Certificate) tls.Certificate {
	a.t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		a.t.Fatal(err)
	}
	c.SerialNumber = big.NewInt(time.Now().UnixNano())
	if c.NotAfter.IsZero() {
		c.NotBefore, c.NotAfter = time.Now().Add(-time.Hour), time.Now().Add(time.Hour)
	}
	parent, signer := a.cert, a.key
	if parent == nil {
		parent, signer = c, key
	}
	der, err := x509.CreateCertificate(rand.Reader, c, parent, key.Public(), signer)
	if err != nil {
		a.t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		a.t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}
}

// forName makes a certificate of a server for a name or an IP address.
func (a *authority) forName(name string) tls.Certificate {
	c := &x509.Certificate{ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}}
	if ip := net.ParseIP(name); ip != nil {
		c.IPAddresses = []net.IP{ip}
	} else {
		c.DNSNames = []string{name}
	}
	return a.sign(c)
}

func (a *authority) pem() string {
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: a.cert.Raw}))
}

func fakeTLS(t *testing.T, owner *fake, cert tls.Certificate) *fake {
	t.Helper()
	s, err := server.NewServerTLS("127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{cert}, MinVersion: tls.VersionTLS12})
	if err != nil {
		t.Fatal(err)
	}
	return fakeOn(t, s, owner, func(p *server.Peer) { p.WriteInt(1) })
}

// The nodes of a cluster, and the master that Sentinels name, tell 127.0.0.1 as their address. Nobody
// has configured that, so their certificates may be for the host that somebody has.
func TestCertificateOfNodeThatTellsItsAddress(t *testing.T) {
	t.Parallel()
	a, other := newAuthority(t), newAuthority(t)
	old := &x509.Certificate{DNSNames: []string{"localhost"}, NotBefore: time.Now().Add(-2 * time.Hour), NotAfter: time.Now().Add(-time.Hour)}
	far := strings.Repeat("b", 64) + ".test" // too long for the DNS, so that nobody is asked
	client := &x509.Certificate{DNSNames: []string{"localhost"}, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}}
	for name, c := range map[string]struct {
		node   tls.Certificate
		change func(c *connect.Config)
		want   string // in the error, "" for none
	}{
		"for the configured host":      {node: a.forName("localhost")},
		"for its own address":          {node: a.forName("127.0.0.1")},
		"for another host":             {node: a.forName("redis.test"), want: "valid for redis.test, not localhost"},
		"of another authority":         {node: other.forName("localhost"), want: "unknown authority"},
		"that has ended":               {node: a.sign(old), want: "expired"},
		"for clients":                  {node: a.sign(client), want: "incompatible key usage"},
		"for another configured host":  {node: a.forName(far), change: func(c *connect.Config) { c.Addrs = append(c.Addrs, far+":1") }},
		"for the host, not ServerName": {node: a.forName("127.0.0.1"), change: func(c *connect.Config) { c.ServerName = "localhost" }, want: "wanted to match localhost"},
		"for ServerName":               {node: a.forName("localhost"), change: func(c *connect.Config) { c.ServerName = "localhost" }},
		"for the host, but the address is configured too": {
			node: a.forName("localhost"), change: func(c *connect.Config) { c.Addrs = append(c.Addrs, "127.0.0.1:1") }, want: "127.0.0.1",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			node := fakeTLS(t, nil, c.node)
			seed := fakeTLS(t, node, a.forName("localhost"))
			for way, set := range map[string]func(c *connect.Config){
				"cluster":  func(c *connect.Config) { c.Cluster = true },
				"sentinel": func(c *connect.Config) { c.MasterName = "main" },
			} {
				config := connect.Config{Addrs: []string{"localhost:" + strconv.Itoa(seed.port)}, SSL: true, CACert: a.pem()}
				set(&config)
				if c.change != nil {
					c.change(&config)
				}
				err := newClient(t, config).Eval(t.Context(), "return 1", []string{"key"}).Err()
				if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
					t.Errorf("%s: the error is %v, want one with %q", way, err, c.want)
				}
			}
		})
	}
}

// The address that is configured must be in the certificate, also if it is an IP address.
func TestCertificateOfConfiguredAddress(t *testing.T) {
	t.Parallel()
	a := newAuthority(t)
	f := fakeTLS(t, nil, a.forName("localhost"))
	c := connect.Config{Host: "127.0.0.1", Port: f.port, SSL: true, CACert: a.pem()}
	if err := newClient(t, c).Ping(t.Context()).Err(); err == nil || !strings.Contains(err.Error(), "set ServerName") {
		t.Errorf("a certificate for another name: %v", err)
	}
	c.ServerName = "localhost"
	if err := newClient(t, c).Ping(t.Context()).Err(); err != nil {
		t.Error(err)
	}
}
