package sessiontest_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"

	"github.com/berthgo/berth/core/httpsession"
	"github.com/berthgo/berth/core/session"
	"github.com/berthgo/berth/core/sessiontest"
)

const items session.Key[[]string] = "items"

// add is a handler that needs a signed-in user.
func addItem(w http.ResponseWriter, r *http.Request) {
	s := session.FromContext(r.Context())
	if s.Principal() == "" {
		http.Error(w, "sign in first", http.StatusUnauthorized)
		return
	}
	items.Set(s, append(items.GetOr(s, nil), r.FormValue("item")))
}

func Example() {
	t := newT() // a test has a *testing.T
	defer t.end()

	sessions := sessiontest.New(t, session.Options{TrackEnd: true, LockWait: -1})
	app := httpsession.Middleware(sessions.Manager)(http.HandlerFunc(addItem))
	post := func(client *sessiontest.Client, item string) {
		response, err := client.PostForm("/add", map[string][]string{"item": {item}})
		if err != nil {
			t.Fatalf("%v", err)
		}
		defer response.Body.Close()
		fmt.Println(item, response.StatusCode)
	}

	post(sessions.Client(app), "a visitor's tea:")

	ann := sessions.SignIn("ann", sessiontest.Values{"items": []string{"jam"}})
	client := sessions.Client(app, ann)
	post(client, "tea")
	fmt.Println(items.GetOr(sessions.Session(client.Cookie()), nil))

	release := sessions.HoldElsewhere(ann)
	post(client, "while another request holds the session:")
	release()

	restore := sessions.FailRedis()
	post(client, "without Redis:")
	restore()

	sessions.Expire(ann)
	_, err := sessions.Lookup(ann)
	fmt.Println(err)
	n, err := sessions.HandleEnds(func(_ context.Context, e session.Ended) error {
		fmt.Println("ended:", e.Principal, e.Reason, items.GetOr(e.Session, nil))
		return nil
	})
	fmt.Println(n, err)
	// Output:
	// a visitor's tea: 401
	// tea 200
	// [jam tea]
	// while another request holds the session: 503
	// without Redis: 503
	// session: no session of that ID or handle
	// ended: ann expired [jam tea]
	// 1 <nil>
}

// Code that knows no HTTP finds the session in its context.
func ExampleSessions_Context() {
	t := newT() // a test has a *testing.T
	defer t.end()
	sessions := sessiontest.New(t, session.Options{})

	rename := func(ctx context.Context, name string) { session.FromContext(ctx).Set("name", name) }

	ctx, commit := sessions.Context(sessions.SignIn("ann", nil))
	rename(ctx, "Ann")
	cookie := commit()
	fmt.Println(session.Get[string](sessions.Session(cookie), "name"))
	// Output: Ann <nil>
}

// newT returns what an example has in place of a *testing.T.
func newT() *exampleT {
	ctx, cancel := context.WithCancel(context.Background())
	t := &exampleT{ctx: ctx}
	t.Cleanup(cancel)
	return t
}

type exampleT struct {
	ctx      context.Context
	cleanups []func()
}

func (*exampleT) Helper()                           {}
func (t *exampleT) Cleanup(f func())                { t.cleanups = append(t.cleanups, f) }
func (t *exampleT) Context() context.Context        { return t.ctx }
func (*exampleT) Fatalf(format string, args ...any) { panic(fmt.Sprintf(format, args...)) }
func (*exampleT) Output() io.Writer                 { return os.Stderr }

func (t *exampleT) end() {
	for i := len(t.cleanups) - 1; i >= 0; i-- {
		t.cleanups[i]()
	}
}
