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
// is then connected to itself. The upper bound leaves the cluster bus below it too.
const (
	portLow  = 10000
	portHigh = 22767
	// busOffset is from a cluster node's port to the one on which the nodes talk
	// to each other.
	busOffset = 10000
	// clusterLow leaves all buses above portHigh, where no other server gets a port.
	clusterLow = portHigh - busOffset + 1
)

// freePort returns a port that was free a moment ago. Another process may take
// it before redis-server does.
func freePort() (int, error) { return freePortFrom(portLow, 0) }

// freeClusterPort is freePort for a node of a cluster, whose bus is free too.
func freeClusterPort() (int, error) { return freePortFrom(clusterLow, 0, busOffset) }

// freePortFrom returns a port between low and portHigh that is free, at all
// the offsets.
func freePortFrom(low int, offsets ...int) (int, error) {
	var last error
	for range 100 {
		port := low + rand.IntN(portHigh-low+1)
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
