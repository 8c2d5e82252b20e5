package store_test

import (
	"testing"
	"time"

	"github.com/berthgo/berth/core/internal/rig"
	"github.com/berthgo/berth/core/internal/store"
)

// Whatever a server answers to a script, there is a status of the list, or an error: no panic, and nothing
// that a caller may take for another status. Redis may be written by others, and a proxy may be between.
func FuzzReplies(f *testing.F) {
	session := []byte{8, 2, 1, 1, 8, 4, 3, 5, 3, 0, 3, 6, 4, 1, 'p'} // done, and a list of fields
	for op := range uint8(operations) {
		for _, reply := range [][]byte{session, {0, 1, 1}, {0, 1, 99}, {0, 8, 0}, {0, 8, 1, 1, 1}, {0, 8, 1, 1, 8}, {0, 0}, {240}, {241}, {242}, append([]byte{242}, session...)} {
			f.Add(op, uint8(0), reply)
			f.Add(op, uint8(7), reply)
		}
	}
	f.Add(uint8(opInspect), uint8(0), []byte{0, 8, 10, 1, 1, 3, 0, 1, 9, 1, 9, 1, 9, 4, 1, 'l', 4, 1, 'p', 4, 1, 'm', 8, 3, 4, 1, 'a', 4, 1, 'b', 4, 1, 'c', 1, 5})
	f.Fuzz(func(t *testing.T, op, how uint8, reply []byte) {
		client := rig.NewOddServer(reply)
		defer func() { _ = client.Close() }()
		keys, err := store.NewKeys("a", "_")
		if err != nil {
			t.Fatal(err)
		}
		s := &store.Store{Client: client, Keys: keys, LockTTL: time.Second, Sharded: how&1 != 0, Tracked: how&2 != 0}
		if how&4 != 0 {
			s.Lifetime = time.Hour
		}
		for _, status := range operate(t, s, int(op)%operations) {
			if status < store.Done || status > store.Alive || status == 5 {
				t.Errorf("operation %d gives the status %d without an error", int(op)%operations, status)
			}
		}
	})
}
