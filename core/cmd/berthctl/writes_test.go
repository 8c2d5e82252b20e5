package main

import (
	"testing"

	"github.com/berthgo/berth/core/internal/rig"
)

// A server that refuses to write is bad: berth does not work on it.
func TestDoctorSeesThatNothingCanBeWritten(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ setting, value, says string }{
		"too few replicas": {"min-replicas-to-write", "1", "NOREPLICAS"},
		"a full server":    {"maxmemory", "1", "OOM"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, r := rig.WithServer(t)
			r.App = "shop"
			if err := r.Client.ConfigSet(t.Context(), c.setting, c.value).Err(); err != nil {
				t.Fatal(err)
			}
			out, _ := at(t, r).run(exitFailed, "doctor")
			want(t, out, c.says)
		})
	}
}
