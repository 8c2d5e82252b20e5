package session

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io/fs"
	"os"
	"strings"
)

// tlsConfig reads the certificates, and returns nil without SSL. Without ServerName,
// go-redis puts in the name of the host that it dials.
func (c Config) tlsConfig(wrong *problems) *tls.Config {
	t := &tls.Config{MinVersion: tls.VersionTLS12, ServerName: c.ServerName}
	if text := pem("CACert", c.CACert, wrong); text != nil {
		t.RootCAs = x509.NewCertPool()
		if !t.RootCAs.AppendCertsFromPEM(text) {
			wrong.add("CACert has no certificate: it must be certificates in PEM, or the name of a file with them")
		}
	}
	cert, key := pem("ClientCert", c.ClientCert, wrong), pem("ClientKey", c.ClientKey, wrong)
	switch {
	case c.ClientCert != "" && c.ClientKey == "":
		wrong.add("ClientCert is set without ClientKey")
	case c.ClientCert == "" && c.ClientKey != "":
		wrong.add("ClientKey is set without ClientCert")
	case cert != nil && key != nil:
		pair, err := tls.X509KeyPair(cert, key)
		if err != nil {
			wrong.add("ClientCert and ClientKey are not a certificate and its key in PEM: %w", err)
		}
		t.Certificates = []tls.Certificate{pair}
	}
	if !c.SSL {
		return nil
	}
	return t
}

// pem returns PEM text as it is, and what is in a file otherwise; nil for no value and for a problem,
// which does not quote the value: it may be a key in a form that is not PEM.
func pem(name, value string, wrong *problems) []byte {
	if value == "" {
		return nil
	}
	if strings.Contains(value, "-----BEGIN ") {
		return []byte(value)
	}
	text, err := os.ReadFile(value)
	if err != nil {
		var path *fs.PathError
		if errors.As(err, &path) {
			err = path.Err
		}
		wrong.add("%s is neither PEM text nor the name of a file that can be read: %w", name, err)
		return nil
	}
	return text
}
