package main

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
)

// An upload that stalls does not hold the end of the program, and leaves no file.
func TestStalledUpload(t *testing.T) {
	t.Parallel()
	p := start(t, "redis://"+miniredis.RunT(t).Addr(), time.Millisecond)
	p.page()
	u := p.begin("file", "fruit.txt")
	p.stop()
	select {
	case err := <-p.ended:
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("it ended with %v", err)
		}
	case <-time.After(30 * time.Second):
		t.Error("the program runs for 30 seconds after its time to stop")
	}
	_ = u.body.CloseWithError(errors.New("the client gives up"))
	if got := <-u.answered; got.err == nil {
		t.Errorf("the answer is %d %s", got.response.StatusCode, text(t, got.response))
	}
	if names := p.files(); len(names) > 0 {
		t.Errorf("%s is left", names)
	}
}
