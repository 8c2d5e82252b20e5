package conformance

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net/http"

	"github.com/berthgo/berth/core/session"
)

// A stream ends when its session is signed out in another window, or changes otherwise. It does not end
// with what its own request commits, whether it watches from before the commit or from after it.
func streamHearsOfTheEnd(r *rig) {
	reason := func(watched context.Context) string {
		select {
		case <-watched.Done():
		case <-r.Context().Done():
		}
		var over *session.EndedError
		if !errors.As(context.Cause(watched), &over) {
			return context.Cause(watched).Error()
		}
		return string(over.Reason)
	}
	events := func(before Handler) Handler {
		return func(x *Exchange) error {
			s := x.From()
			early, stopEarly := s.Watch(context.Background()) // under Fiber, requests have no context that ends
			if err := before(x); err != nil {
				stopEarly()
				return err
			}
			x.W.Header().Set("Content-Type", "text/event-stream")
			x.Stream(func(w io.Writer, flush func() error) {
				defer stopEarly()
				late, stopLate := s.Watch(context.Background())
				defer stopLate()
				_, _ = io.WriteString(w, "data: open\n\n")
				_ = flush()
				_, _ = io.WriteString(w, "data: "+reason(early)+" "+reason(late)+"\n\n")
			})
			return nil
		}
	}
	signOut := func(x *Exchange) error {
		x.From().SetPrincipal("")
		return nil
	}
	s := r.serve(setting{
		routes: Routes{
			"/login": logIn, "/logout": logOut, "/rotate": rotate, "/signout": signOut, "/increment": increment,
			"/changes": events(set("k", "v")), "/reads": events(func(*Exchange) error { return nil }),
		},
		access: map[string]session.Access{"/reads": session.ReadOnly},
	})
	for _, path := range []string{"/changes", "/reads"} {
		for elsewhere, want := range map[string]session.Reason{
			"/logout": session.Abandoned, "/rotate": session.Rotated, "/signout": session.UserChanged,
		} {
			b := s.visitor("/login")
			response, err := b.open(r.Context(), path)
			if err != nil {
				r.Fatalf("no headers: %v", err)
			}
			stream := bufio.NewReader(response.Body)
			if line, err := stream.ReadString('\n'); err != nil || line != "data: open\n" {
				r.Fatalf("the stream begins with %q (%v)", line, err)
			}
			r.wantStatus(b.also().get("/increment"), http.StatusOK) // an ordinary request ends nothing
			r.wantStatus(b.also().get(elsewhere), http.StatusOK)
			rest, err := io.ReadAll(stream)
			if text := "\ndata: " + string(want) + " " + string(want) + "\n\n"; err != nil || string(rest) != text {
				r.Errorf("%s: after %s the stream has %q (%v), want %q", path, elsewhere, rest, err, text)
			}
			_ = response.Body.Close()
		}
	}
}
