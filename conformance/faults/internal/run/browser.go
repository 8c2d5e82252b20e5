package run

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"sync"
	"time"

	"github.com/berthgo/berth/conformance/faults/internal/history"
	"github.com/berthgo/berth/conformance/faults/internal/wire"
)

const cookieName = "session"

// patience is how long a client waits for a response.
const patience = 8 * time.Second

// browser is a cookie jar that several tabs share, like that of a browser: the newest cookie counts.
type browser struct {
	number int
	client *http.Client
	book   *book

	mu     sync.Mutex
	cookie string
	old    []string // cookies that it had before
	stuck  int      // detached responses in a row
}

// book is where all clients of a run write down what they did.
type book struct {
	mu   sync.Mutex
	next int
	ops  []history.Op
}

func (b *book) number() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.next++
	return b.next
}

func (b *book) write(op history.Op) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.ops = append(b.ops, op)
}

// order is what a tab asks for.
type order struct {
	path, user, commit string
	pause              time.Duration
	old                bool // with a cookie of before
	nothing            bool // without a cookie
}

// draw decides what a tab does next.
func (p *plan) draw(rng *rand.Rand) order {
	o := order{path: pick(rng, p.paths), user: fmt.Sprint(rng.IntN(p.users))}
	o.old = rng.IntN(12) == 0
	if rng.IntN(10) == 0 {
		o.pause = time.Duration(rng.Int64N(int64(min(p.settings.LockTTL, time.Second) * 3 / 2)))
	}
	switch n := rng.IntN(4); {
	case n == 0:
		o.commit = "again"
	case n == 1 || p.settings.FailSilently:
		o.commit = "once"
	}
	return o
}

// ask makes one request, and writes down what came of it.
func (b *browser) ask(ctx context.Context, tab int, s *server, o order) history.Op {
	op := history.Op{N: b.book.number(), Browser: b.number, Tab: tab, Server: s.settings.Name, Path: "/" + o.path}
	if o.path == "signin" || o.path == "endall" {
		op.User = o.user
	}
	b.mu.Lock()
	op.Cookie = b.cookie
	if o.old && len(b.old) > 0 {
		op.Cookie = b.old[op.N%len(b.old)]
	}
	if o.nothing || o.path == "endall" {
		op.Cookie = ""
	}
	b.mu.Unlock()

	op.Call = wire.Now()
	b.send(ctx, s, o, &op)
	op.Return = wire.Now()
	b.keep(&op)
	b.book.write(op)
	return op
}

func (b *browser) send(ctx context.Context, s *server, o order, op *history.Op) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	values := url.Values{"op": {fmt.Sprint(op.N)}, "user": {o.user}, "commit": {o.commit}, "pause": {fmt.Sprint(o.pause.Milliseconds())}}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+s.address()+op.Path+"?"+values.Encode(), nil)
	if err != nil {
		panic(err)
	}
	if op.Cookie != "" {
		r.AddCookie(&http.Cookie{Name: cookieName, Value: op.Cookie})
	}
	op.Outcome = wire.Unknown
	response, err := b.client.Do(r)
	if err != nil {
		var dial *net.OpError
		op.Reason = "no response"
		if errors.As(err, &dial) && dial.Op == "dial" {
			op.Outcome, op.Reason = wire.Not, "no server"
		}
		return
	}
	defer response.Body.Close()
	// The commit comes before the headers. So these count, whatever becomes of the body.
	for _, c := range response.Cookies() {
		if c.Name == cookieName {
			op.SetCookie, op.Deleted = c.Value, c.MaxAge < 0
		}
	}
	op.Reason = response.Header.Get(wire.Reason)
	body, err := io.ReadAll(response.Body)
	if err != nil {
		op.Reason = "half a response"
		return
	}
	switch outcome := response.Header.Get(wire.Outcome); {
	case response.StatusCode == http.StatusOK:
		if err := json.Unmarshal(body, &op.Reply); err != nil {
			op.Reason = "not an answer"
			return
		}
		op.Outcome = wire.Done
	case outcome == wire.Not:
		op.Outcome = wire.Not
	default:
		_ = json.Unmarshal(body, &op.Reply) // what a handler could say
	}
}

// keep does with the response what a browser does with cookies. A user who sees nothing but detached
// sessions deletes the cookie in the end.
func (b *browser) keep(op *history.Op) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch {
	case op.Deleted:
		op.SetCookie = ""
		b.drop()
	case op.SetCookie != "":
		b.drop()
		b.cookie = op.SetCookie
	}
	if op.Outcome == wire.Done && op.Reply.Detached && op.Cookie == b.cookie {
		if b.stuck++; b.stuck >= 3 {
			b.drop()
		}
	} else if op.Outcome == wire.Done {
		b.stuck = 0
	}
}

func (b *browser) drop() {
	if b.cookie != "" {
		b.old = append(b.old, b.cookie)
	}
	b.cookie, b.stuck = "", 0
}

// pick draws one of some words that have weights.
func pick(rng *rand.Rand, words []weighted) string {
	sum := 0
	for _, w := range words {
		sum += w.weight
	}
	n := rng.IntN(sum)
	for _, w := range words {
		if n < w.weight {
			return w.word
		}
		n -= w.weight
	}
	panic("not reached")
}

type weighted struct {
	word   string
	weight int
}
