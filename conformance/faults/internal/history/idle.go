package history

import (
	"fmt"

	"github.com/berthgo/berth/conformance/faults/internal/wire"
)

// idle finds sessions that open long after their time. The last request that came with their cookies may have
// used them at any time until its response came. A call that a fault has held up may be later. The same time once
// more is the slack, since a busy machine is slow.
func (r *Record) idle() (found []Violation) {
	uses, made := map[string][]Op{}, r.made()
	for _, op := range r.Ops {
		uses[handleOf(op.Cookie)] = append(uses[handleOf(op.Cookie)], op)
		if fresh := made[op.N]; fresh != "" {
			uses[fresh] = append(uses[fresh], op)
		}
	}
	for _, op := range r.Ops {
		handle := handleOf(op.Cookie)
		if op.Outcome != wire.Done || handle == "" || op.Path == "/endall" || op.Reply.New || op.Reply.Detached || op.Reply.Outage {
			continue
		}
		last := int64(0)
		for _, w := range r.Troubles {
			if w.At < op.Call {
				last = max(last, w.Till) // a call that it has held up may have come then
			}
		}
		for _, use := range uses[handle] {
			if use.N != op.N && use.Call < op.Call {
				last = max(last, use.Return)
			}
		}
		if idle := op.Call - last; idle > 2*r.Timeout {
			found = append(found, Violation{"idle", handle, fmt.Sprintf("#%d %s found session %s, which nobody had used for %.1f ms; Timeout is %.0f ms", op.N, op.Path, handle, ms(idle), ms(r.Timeout))})
		}
	}
	return found
}
