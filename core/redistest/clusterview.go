package redistest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

const slots = 16384

// clusterView is how one node of a cluster sees all of them.
type clusterView struct {
	state string // "ok", if the node says so
	self  *member
	all   []*member
	link  string // "up" for a replica in sync
}

// member is a line of CLUSTER NODES.
type member struct {
	id, port string
	flags    []string
	master   string // the ID of a replica's master
	link     string
	owns     []slotRange
}

type slotRange struct{ from, to int }

func lookAtCluster(ctx context.Context, s *Server) (*clusterView, error) {
	c, err := connect(ctx, s.Addr(), s.opts)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", s.Addr(), err)
	}
	defer c.Close()
	var texts [3]string
	for i, command := range [][]string{{"CLUSTER", "INFO"}, {"CLUSTER", "NODES"}, {"INFO", "replication"}} {
		if texts[i], err = c.do(command...); err != nil {
			return nil, fmt.Errorf("%s: %w", s.Addr(), err)
		}
	}
	v := &clusterView{state: field(texts[0], "cluster_state"), link: field(texts[2], "master_link_status")}
	for line := range strings.Lines(texts[1]) {
		m, err := parseMember(line)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", s.Addr(), err)
		}
		if m.is("myself") {
			v.self = m
		}
		v.all = append(v.all, m)
	}
	if v.self == nil {
		return nil, fmt.Errorf("%s is not in its own list of nodes", s.Addr())
	}
	return v, nil
}

// parseMember reads a line such as
//
//	ID 127.0.0.1:10001@20001 master,fail - 1795230786077 1795230786070 2 disconnected 0-5460
func parseMember(line string) (*member, error) {
	f := strings.Fields(line)
	if len(f) < 8 {
		return nil, fmt.Errorf("unexpected line of CLUSTER NODES: %q", line)
	}
	addr, _, _ := strings.Cut(f[1], "@")
	m := &member{
		id:     f[0],
		port:   addr[strings.LastIndex(addr, ":")+1:],
		flags:  strings.Split(f[2], ","),
		master: f[3],
		link:   f[7],
	}
	for _, r := range f[8:] {
		if strings.HasPrefix(r, "[") { // the owner of a slot that is moving lists the slot as its own, too
			continue
		}
		low, high, isRange := strings.Cut(r, "-")
		if !isRange {
			high = low
		}
		from, err := strconv.Atoi(low)
		if err != nil {
			return nil, fmt.Errorf("unexpected slots %q: %w", r, err)
		}
		to, err := strconv.Atoi(high)
		if err != nil {
			return nil, fmt.Errorf("unexpected slots %q: %w", r, err)
		}
		m.owns = append(m.owns, slotRange{from, to})
	}
	return m, nil
}

func (m *member) is(flag string) bool { return slices.Contains(m.flags, flag) }

func (m *member) owner() bool { return m.is("master") && len(m.owns) > 0 }

func (m *member) has(slot int) bool {
	return slices.ContainsFunc(m.owns, func(r slotRange) bool { return r.from <= slot && slot <= r.to })
}

// owners are the nodes that own slots, in the order of their first slot.
func (v *clusterView) owners() []*member {
	var owners []*member
	for _, m := range v.all {
		if m.owner() {
			owners = append(owners, m)
		}
	}
	slices.SortFunc(owners, func(a, b *member) int { return a.owns[0].from - b.owns[0].from })
	return owners
}

// roles says, in a form to compare, which node owns which slots, and which node is a replica of
// which master. It looks only at nodes whose ports are up.
func (v *clusterView) roles(up map[string]bool) string {
	var roles []string
	for _, m := range v.all {
		if up[m.port] {
			roles = append(roles, fmt.Sprintf("%s: slots %v, replica of %s", m.port, m.owns, m.master))
		}
	}
	slices.Sort(roles)
	return strings.Join(roles, "; ")
}

// settled is nil if the node sees a whole cluster, and all is well with the nodes whose ports are up.
func (v *clusterView) settled(nodes int, up map[string]bool) error {
	if v.state != "ok" {
		return fmt.Errorf("cluster_state is %q", v.state)
	}
	if len(v.all) != nodes {
		return fmt.Errorf("knows %d nodes of %d", len(v.all), nodes)
	}
	covered := 0
	for _, m := range v.all {
		switch {
		case !up[m.port]:
			continue
		case m.link != "connected":
			return fmt.Errorf("no connection to %s", m.port)
		case m.is("fail"), m.is("fail?"), m.is("handshake"), m.is("noaddr"):
			return fmt.Errorf("sees %s as %s", m.port, strings.Join(m.flags, ","))
		case m.owner():
			for _, r := range m.owns {
				covered += r.to - r.from + 1
			}
		case !m.is("slave"):
			return fmt.Errorf("sees %s as neither an owner of slots nor a replica", m.port)
		}
	}
	if covered != slots {
		return fmt.Errorf("only %d slots are with running nodes", covered)
	}
	if v.self.owner() {
		return nil
	}
	for _, m := range v.owners() {
		if m.id == v.self.master {
			if v.link != "up" {
				return fmt.Errorf("is not in sync with its master %s", m.port)
			}
			return nil
		}
	}
	return errors.New("is a replica of a node that owns no slots")
}
