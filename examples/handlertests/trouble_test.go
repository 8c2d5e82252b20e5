package handlertests

import (
	"context"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/berthgo/berth/core/httpsession"
	"github.com/berthgo/berth/core/session"
	"github.com/berthgo/berth/core/sessiontest"
)

func TestTrouble(t *testing.T) {
	t.Parallel()
	sessions := sessiontest.New(t, session.Options{LockWait: -1}) // wait for nobody
	handler := httpsession.Middleware(sessions.Manager)(http.HandlerFunc(countHTTP))
	cookie := sessions.SignIn("ann", nil)
	client := sessions.Client(handler, cookie)

	release := sessions.HoldElsewhere(cookie) // as a slow request does
	wantStatus(t, client, http.StatusServiceUnavailable)
	release()

	restore := sessions.FailRedis()
	wantStatus(t, client, http.StatusServiceUnavailable)
	restore()

	wantStatus(t, client, http.StatusOK)
}

func wantStatus(t *testing.T, client *sessiontest.Client, want int) {
	t.Helper()
	response, err := client.Get("/")
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if response.StatusCode != want {
		t.Errorf("the status is %d, want %d", response.StatusCode, want)
	}
}

// greet is code that knows no HTTP.
func greet(ctx context.Context) string {
	s := session.FromContext(ctx)
	s.Set("greeted", true)
	return "Hello, " + s.Principal()
}

func TestGreet(t *testing.T) {
	t.Parallel()
	sessions := sessiontest.New(t, session.Options{})
	ctx, commit := sessions.Context(sessions.SignIn("ann", nil))

	if got := greet(ctx); got != "Hello, ann" {
		t.Errorf("greet says %q", got)
	}

	cookie := commit() // as the middleware does
	if !session.GetOr(sessions.Session(cookie), "greeted", false) {
		t.Error("the session does not know that ann was greeted")
	}
}

func TestEnds(t *testing.T) {
	t.Parallel()
	sessions := sessiontest.New(t, session.Options{TrackEnd: true})
	sessions.Expire(sessions.SignIn("ann", sessiontest.Values{"visits": 3}))

	archived := 0
	n, err := sessions.HandleEnds(func(_ context.Context, e session.Ended) error {
		archived += visits.GetOr(e.Session, 0) // your handler of ends
		return nil
	})
	if n != 1 || err != nil || archived != 3 {
		t.Errorf("%d ends, %v, archived %d", n, err, archived)
	}
}

func TestTime(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		sessions := sessiontest.New(t, session.Options{Timeout: 20 * time.Minute})
		cookie := sessions.SignIn("ann", nil)

		time.Sleep(21 * time.Minute) // takes no time in a bubble
		if _, err := sessions.Lookup(cookie); err == nil {
			t.Error("the session is still there")
		}
	})
}
