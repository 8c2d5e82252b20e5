package redistest

import (
	"errors"
	"math/rand/v2"
	"net"
	"strconv"
)

// Ports below the ranges from which kernels take the local ports of outgoing
// connections (from 32768 on Linux, from 49152 elsewhere). A port out of that
// range could be lost while the server is down: a client that dials a closed
// port again and again is sooner or later given that very port as its own, and
// is then connected to itself. The upper bound leaves the cluster bus, at port
// + 10000, below it too.
const (
	portLow  = 10000
	portHigh = 22767
)

// freePort returns a port that was free a moment ago. Another process may take
// it before redis-server does.
func freePort() (int, error) {
	var last error
	for range 100 {
		port := portLow + rand.IntN(portHigh-portLow+1)
		l, err := net.Listen("tcp", net.JoinHostPort(loopback, strconv.Itoa(port)))
		if err != nil {
			last = err
			continue
		}
		return port, l.Close()
	}
	return 0, errors.Join(errors.New("redistest: no free port"), last)
}
