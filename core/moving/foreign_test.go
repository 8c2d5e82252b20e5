package moving_test

import (
	"net/http"
	"testing"
)

// What somebody else has written where a move leaves the new cookie is a failure of that request, and signs
// nobody in.
func TestForeignHandover(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.wants("the move", s.ask(t.Context(), "old=ann"), "ann", 2)
	client := s.Manager.Client()
	keys, err := client.Keys(t.Context(), "*_Moved_*").Result()
	if err != nil || len(keys) != 1 {
		t.Fatalf("the keys are %q (%v)", keys, err)
	}
	ours, err := client.Get(t.Context(), keys[0]).Result()
	if err != nil {
		t.Fatal(err)
	}
	for _, foreign := range []string{"", "=", "x", "session=abc", ours + "x", ours[:len(ours)-1]} {
		if err := client.Set(t.Context(), keys[0], foreign, 0).Err(); err != nil {
			t.Fatal(err)
		}
		if w := s.ask(t.Context(), "old=ann"); w.Code != http.StatusServiceUnavailable || len(w.Header()["Set-Cookie"]) != 0 {
			t.Errorf("with %d bytes that are not berth's: %d, with the cookies %d", len(foreign), w.Code, len(w.Header()["Set-Cookie"]))
		}
	}
}
