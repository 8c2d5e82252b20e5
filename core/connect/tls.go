package connect

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io/fs"
	"os"
	"strings"
)

// tlsConfig reads the certificates, also without SSL, to find what is wrong with them. It
// returns nil without SSL. Without a ServerName, the dialer chooses the name that is verified.
func (c Config) tlsConfig(wrong *problems) *tls.Config {
	t := &tls.Config{MinVersion: tls.VersionTLS12, ServerName: c.ServerName}
	if text := pem("CACert", c.CACert, wrong); text != nil {
		t.RootCAs = x509.NewCertPool()
		if !t.RootCAs.AppendCertsFromPEM(text) {
			wrong.add("CACert has no certificate: it must be certificates as PEM text, or the name of a file with them")
		}
	}
	cert, key := pem("ClientCert", c.ClientCert, wrong), pem("ClientKey", c.ClientKey, wrong)
	switch {
	case c.ClientCert != "" && c.ClientKey == "":
		wrong.add("ClientCert is set without ClientKey: set both")
	case c.ClientCert == "" && c.ClientKey != "":
		wrong.add("ClientKey is set without ClientCert: set both")
	case cert != nil && key != nil:
		pair, err := tls.X509KeyPair(cert, key)
		if err != nil {
			wrong.add("ClientCert and ClientKey are not a certificate and its key as PEM text, or the names of files with it: %w", err)
		}
		t.Certificates = []tls.Certificate{pair}
	}
	if !c.SSL {
		return nil
	}
	return t
}

// pem returns the value if it is PEM text, and otherwise the content of the file with that
// name. It returns nil if there is no value, or a problem. The problem does not quote the
// value, which may be a key in another form than PEM.
func pem(name, value string, wrong *problems) []byte {
	if value == "" {
		return nil
	}
	if strings.Contains(value, "-----BEGIN ") {
		return []byte(value)
	}
	text, err := os.ReadFile(value) //nolint:gosec // the operator names the file
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
