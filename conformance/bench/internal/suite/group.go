package suite

import (
	"time"

	"github.com/berthgo/berth/conformance/bench/internal/load"
)

// group is clients that change the same session.
type group struct {
	clients []*load.Client
	request []byte
	warmed  int
}

func newGroup(addr, cookie string, clients int) (*group, error) {
	g := &group{request: load.Request("POST", "/change", cookie)}
	for range clients {
		c, err := load.Dial(addr)
		if err != nil {
			g.close()
			return nil, err
		}
		g.clients = append(g.clients, c)
	}
	return g, nil
}

func (g *group) close() {
	for _, c := range g.clients {
		_ = c.Close()
	}
}

func (g *group) send(d time.Duration) (load.Result, error) {
	return load.Run(len(g.clients), d, func(i int) error {
		_, err := g.clients[i].Do(g.request)
		return err
	})
}

func (g *group) warmUp(d time.Duration) error {
	r, err := g.send(d)
	g.warmed += r.Count()
	return err
}

func (g *group) run(d time.Duration) (crowdResult, error) {
	r, err := g.send(d)
	return crowdResult{
		Rate: r.Rate(), Counts: r.Counts, Total: g.warmed + r.Count(),
		Longest: time.Duration(r.Latency.Max()),
	}, err
}
