package redistest

import (
	"errors"
	"math/rand/v2"
	"net"
	"strconv"
)

// Kernels take the local ports of outgoing connections from a range (from 32768 on Linux, from
// 49152 elsewhere). These ports are below it. A port in that range can be lost while the server is
// down: a client dials the closed port again and again, until the kernel gives it that very port as
// its own. Then the client is connected to itself. The upper bound keeps the cluster bus below the
// range too.
const (
	portLow  = 10000
	portHigh = 22767
	// busOffset is the distance from a cluster node's port to its bus, the port on which the nodes
	// talk to each other.
	busOffset = 10000
	// clusterLow keeps all buses above portHigh, where no other server gets a port.
	clusterLow = portHigh - busOffset + 1
)

// freePort returns a port that was free a moment ago. Another process may still take it before
// redis-server does.
func freePort() (int, error) { return freePortFrom(portLow, 0) }

// freeClusterPort is freePort for a node of a cluster: the bus is free too.
func freeClusterPort() (int, error) { return freePortFrom(clusterLow, 0, busOffset) }

// freePortFrom returns a port between low and portHigh that is free, and free at all the offsets.
func freePortFrom(low int, offsets ...int) (int, error) {
	var last error
	for range 100 {
		port := low + rand.IntN(portHigh-low+1) //nolint:gosec // no secret depends on it
		if last = free(port, offsets); last == nil {
			return port, nil
		}
	}
	return 0, errors.Join(errors.New("redistest: no free port"), last)
}

func free(port int, offsets []int) error {
	for _, o := range offsets {
		l, err := net.Listen("tcp", net.JoinHostPort(loopback, strconv.Itoa(port+o)))
		if err != nil {
			return err
		}
		if err := l.Close(); err != nil {
			return err
		}
	}
	return nil
}
