package redistest

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// agreed is nil if all running sentinels name the same running node as the master, and that node
// calls itself the master too.
func (s *Sentinel) agreed(ctx context.Context) error {
	_, err := s.agreement(ctx)
	return err
}

// agreement is what the running sentinels see, if they agree on the master.
func (s *Sentinel) agreement(ctx context.Context) ([]*sentinelView, error) {
	var all []*sentinelView
	for _, w := range s.sentinels {
		if !w.up() {
			continue
		}
		v, err := lookAtMaster(ctx, w)
		if err != nil {
			return nil, err
		}
		all = append(all, v)
		switch {
		case v.status != "ok":
			return nil, fmt.Errorf("%s: the master's status is %q", w.Addr(), v.status)
		case v.master != all[0].master:
			return nil, fmt.Errorf("%s names %s as the master, %s names %s",
				w.Addr(), v.master, all[0].sentinel.Addr(), all[0].master)
		}
	}
	if len(all) == 0 {
		return nil, errors.New("no sentinel is running")
	}
	master, err := at(s.nodes, all[0].master)
	switch {
	case err != nil:
		return nil, err
	case !master.up():
		return nil, fmt.Errorf("the master %s is not running", master.Addr())
	}
	r, err := lookAtRole(ctx, master)
	if err == nil && r.role != "master" {
		err = fmt.Errorf("the master %s is a replica", master.Addr())
	}
	return all, err
}

// settled is nil if the sentinels agree and know each other, and if they see all other running
// nodes as replicas that are in sync with the master.
func (s *Sentinel) settled(ctx context.Context) error {
	all, err := s.agreement(ctx)
	if err != nil {
		return err
	}
	master := all[0].master
	for _, v := range all {
		if v.sentinels != strconv.Itoa(len(s.sentinels)) {
			return fmt.Errorf("%s knows %s sentinels of %d", v.sentinel.Addr(), v.sentinels, len(s.sentinels))
		}
	}
	for _, n := range s.nodes {
		port := strconv.Itoa(n.Port())
		if port == master || !n.up() {
			continue
		}
		r, err := lookAtRole(ctx, n)
		if err != nil {
			return err
		}
		if r.role != "slave" || r.master != master || r.link != "up" {
			return fmt.Errorf("%s: %+v; want a replica of %s in sync", n.Addr(), r, master)
		}
		for _, v := range all {
			if flags := v.replicas[port]; flags != "slave" {
				return fmt.Errorf("%s sees the replica %s as %q", v.sentinel.Addr(), n.Addr(), flags)
			}
		}
	}
	return nil
}

// sentinelView is what one sentinel sees. It names servers by their ports.
type sentinelView struct {
	sentinel       *Server
	status, master string
	sentinels      string            // their number
	replicas       map[string]string // their flags: "slave" if all is well
}

func lookAtMaster(ctx context.Context, w *Server) (*sentinelView, error) {
	info, err := w.ask(ctx, "INFO", "sentinel")
	if err != nil {
		return nil, err
	}
	v := &sentinelView{sentinel: w, replicas: map[string]string{}}
	// name=redistest,status=ok,address=127.0.0.1:10001,slaves=2,sentinels=3
	for item := range strings.SplitSeq(field(strings.Join(info, ""), "master0"), ",") {
		switch name, value, _ := strings.Cut(item, "="); name {
		case "status":
			v.status = value
		case "address":
			v.master = value[strings.LastIndex(value, ":")+1:]
		case "sentinels":
			v.sentinels = value
		}
	}
	replicas, err := w.ask(ctx, "SENTINEL", "REPLICAS", masterName)
	if err != nil {
		return nil, err
	}
	port := ""
	for i := 0; i+1 < len(replicas); i += 2 { // names and values, of all replicas in one list
		switch replicas[i] {
		case "port":
			port = replicas[i+1]
		case "flags":
			v.replicas[port] = replicas[i+1]
		}
	}
	return v, nil
}

// role is what a node says of itself.
type role struct{ role, master, link string }

func lookAtRole(ctx context.Context, n *Server) (role, error) {
	reply, err := n.ask(ctx, "INFO", "replication")
	if err != nil {
		return role{}, err
	}
	info := strings.Join(reply, "")
	return role{field(info, "role"), field(info, "master_port"), field(info, "master_link_status")}, nil
}
