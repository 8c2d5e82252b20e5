package connect

import (
	"errors"
	"fmt"
	"time"
)

// problems are all that is wrong with a Config.
type problems []error

func (p *problems) add(format string, args ...any) { *p = append(*p, fmt.Errorf(format, args...)) }

func (p problems) err() error {
	if len(p) == 0 {
		return nil
	}
	return fmt.Errorf("connect: invalid config:\n%w", errors.Join(p...))
}

// setting is a field, and whether it is set.
type setting struct {
	name string
	set  bool
}

// excluded adds a problem for each field that is set although name is.
func excluded(wrong *problems, name string, fields ...setting) {
	for _, f := range fields {
		if f.set {
			wrong.add("%s and %s are both set: only one of them may say where Redis is", name, f.name)
		}
	}
}

// checkRanges checks each field by itself.
func (c Config) checkRanges(wrong *problems) {
	if c.Port < 0 || c.Port > 65535 {
		wrong.add("Port is %d: it must be from 1 to 65535, or 0 for its default", c.Port)
	}
	if c.DatabaseID < 0 {
		wrong.add("DatabaseID is %d: it must be 0 or more", c.DatabaseID)
	}
	for _, timeout := range []struct {
		name  string
		value time.Duration
	}{{"ConnectionTimeout", c.ConnectionTimeout}, {"OperationTimeout", c.OperationTimeout}} {
		if timeout.value < 0 || timeout.value > 0 && timeout.value < time.Millisecond {
			wrong.add("%s is %v: it must be at least 1ms, or 0 for its default", timeout.name, timeout.value)
		}
	}
}

// checkTogether checks that the fields fit together. They include what the URL says.
func (c Config) checkTogether(servers int, wrong *problems) {
	for _, f := range []setting{{"Username", c.Username != ""}, {"AccessKey", c.AccessKey != ""}} {
		if f.set && c.Credentials != nil {
			wrong.add("Credentials and %s are both set: leave %[1]s out, also of the URL, because the function returns both user and password", f.name)
		}
	}
	if c.Username != "" && c.AccessKey == "" && c.Credentials == nil {
		wrong.add("Username is set without AccessKey: set both, because a user is only sent with a password; if the user has none, any AccessKey works")
	}
	if c.SentinelUsername != "" && c.SentinelPassword == "" {
		wrong.add("SentinelUsername is set without SentinelPassword: set both, because a user is only sent with a password")
	}
	if c.MasterName == "" && c.SentinelPassword != "" {
		wrong.add("SentinelPassword is set without MasterName: set MasterName if there are Sentinels, or leave SentinelPassword out")
	}
	if c.MasterName != "" && c.Cluster {
		wrong.add("MasterName and Cluster are both set: a cluster has no Sentinels, so leave one of them out")
	}
	if c.Cluster && c.DatabaseID > 0 {
		wrong.add("DatabaseID is %d: a cluster has only database 0", c.DatabaseID)
	}
	if servers > 1 && c.MasterName == "" && !c.Cluster {
		field := "Addrs"
		if c.URL != "" {
			field = "URL"
		}
		wrong.add("%s names %d servers: set Cluster if they are nodes of a cluster, or MasterName (serviceName in a connection string) if they are Sentinels; "+
			"if they are a master and its replicas, name the master alone, or their Sentinels", field, servers)
	}
	if c.Socket != "" && (c.MasterName != "" || c.Cluster || c.SSL) {
		wrong.add("Socket is set together with MasterName, Cluster or SSL: leave these out, because a Unix socket leads to one server, without TLS")
	}
	for _, f := range []setting{
		{"CACert", c.CACert != ""}, {"ClientCert", c.ClientCert != ""}, {"ClientKey", c.ClientKey != ""}, {"ServerName", c.ServerName != ""},
	} {
		if f.set && !c.SSL {
			wrong.add("%s is set, but SSL is not: set SSL to connect with TLS, or leave %[1]s out", f.name)
		}
	}
}
