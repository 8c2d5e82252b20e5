package connect

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"time"
)

// keepAlive is what go-redis has too.
var keepAlive = net.KeepAliveConfig{Enable: true, Idle: 30 * time.Second, Interval: 5 * time.Second, Count: 3}

// dialer connects to servers, with TLS if the Config says so.
type dialer struct {
	timeout time.Duration
	tls     *tls.Config // nil without TLS
	hosts   []string    // that the Config names
}

// dialer returns the dialer of a resolved Config.
func (c Config) dialer(t *tls.Config) dialer {
	d := dialer{timeout: c.ConnectionTimeout, tls: t}
	for _, addr := range c.Addrs {
		d.hosts = append(d.hosts, hostOf(addr))
	}
	return d
}

func hostOf(addr string) string {
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return addr
	}
	return host
}

func (d dialer) dial(ctx context.Context, network, addr string) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, d.timeout)
	defer cancel()
	conn, err := (&net.Dialer{KeepAliveConfig: keepAlive}).DialContext(ctx, network, addr)
	if err != nil || d.tls == nil {
		return conn, err
	}
	secure := tls.Client(conn, d.tlsFor(hostOf(addr)))
	if err := secure.HandshakeContext(ctx); err != nil {
		_ = conn.Close()
		e := &Error{Addr: addr, Advice: adviceOnTLS(err), Err: err}
		if errors.Is(err, context.DeadlineExceeded) {
			e.Err = fmt.Errorf("no TLS in time: %w", err)
		}
		return nil, e
	}
	return secure, nil
}

// tlsFor returns how to verify a server. Nodes of a cluster, and Sentinels, often tell IP addresses,
// while certificates are for names. So if nobody has configured the address, the certificate may
// also be for a host that somebody has.
func (d dialer) tlsFor(host string) *tls.Config {
	t := d.tls.Clone()
	if t.ServerName != "" {
		return t
	}
	t.ServerName = host
	if _, err := netip.ParseAddr(host); err != nil || slices.Contains(d.hosts, host) {
		return t
	}
	names := slices.Concat(d.hosts, []string{host})
	t.ServerName = names[0]
	t.InsecureSkipVerify = true // VerifyConnection verifies it
	t.VerifyConnection = func(s tls.ConnectionState) error { return verify(s.PeerCertificates, t.RootCAs, names) }
	return t
}

// verify verifies a certificate as package tls does, for any of several names. The error is about
// the first.
func verify(chain []*x509.Certificate, roots *x509.CertPool, names []string) error {
	o := x509.VerifyOptions{Roots: roots, Intermediates: x509.NewCertPool()}
	for _, c := range chain[1:] {
		o.Intermediates.AddCert(c)
	}
	var first error
	for _, o.DNSName = range names {
		_, err := chain[0].Verify(o)
		if err == nil {
			return nil
		}
		if first == nil {
			first = &tls.CertificateVerificationError{UnverifiedCertificates: chain, Err: err}
		}
	}
	return first
}

// adviceOnTLS says what to look at when TLS could not be set up.
func adviceOnTLS(err error) string {
	var name x509.HostnameError
	var authority x509.UnknownAuthorityError
	var invalid x509.CertificateInvalidError
	switch {
	case errors.As(err, &name):
		return "if the server is the right one, set ServerName to a name that its certificate has"
	case errors.As(err, &authority):
		return "if the server's certificate is of its owner's making, set CACert to that of the authority that signed it"
	case errors.As(err, &invalid):
		return "look at the server's certificate, and at the clock of this machine"
	case refusedCertificate(err):
		return "if the server wants a certificate of this program, set ClientCert and ClientKey"
	}
	return "if the server does not speak TLS at that port, leave SSL out, or write redis in place of rediss in the URL"
}

// refusedCertificate tells whether the server gave up TLS after it had begun.
func refusedCertificate(err error) bool {
	var remote *net.OpError
	return errors.As(err, &remote) && remote.Op == "remote error"
}
