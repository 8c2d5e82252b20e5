package main

import (
	"sync"
	"testing"

	"connectrpc.com/connect"
	"google.golang.org/protobuf/types/known/emptypb"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/berthgo/berth/core/session"
	"github.com/berthgo/berth/core/sessiontest"
)

// A procedure reads and changes the session. Calls of one session take turns, so no call is lost. If Redis fails,
// the client gets the code that says so.
func TestCount(t *testing.T) {
	t.Parallel()
	sessions := sessiontest.New(t, session.Options{})
	browser := sessions.Client(newHandler(sessions.Manager))
	client := connect.NewClient[emptypb.Empty, wrapperspb.Int64Value](browser.Client, path)
	call := func(want int64) {
		t.Helper()
		got, err := client.CallUnary(t.Context(), connect.NewRequest(&emptypb.Empty{}))
		if err != nil {
			t.Error(err)
			return
		}
		if want != 0 && got.Msg.GetValue() != want {
			t.Errorf("the answer is %d, want %d", got.Msg.GetValue(), want)
		}
	}
	call(1)
	call(2)
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() { call(0) })
	}
	all.Wait()
	call(11)

	sessions.FailRedis()
	_, err := client.CallUnary(t.Context(), connect.NewRequest(&emptypb.Empty{}))
	if connect.CodeOf(err) != connect.CodeUnavailable {
		t.Errorf("while Redis fails, the error is %v", err)
	}
}
