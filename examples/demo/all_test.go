package main

import (
	"bufio"
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/berthgo/berth/core/redistest"
)

// onBoth runs a test with all frameworks side by side, on the embedded Redis and a real one.
func onBoth(t *testing.T, test func(t *testing.T, r *rig)) {
	t.Parallel()
	for _, kind := range []string{"miniredis", "redis"} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			env := map[string]string{}
			if kind == "redis" {
				if realURL == "" {
					t.Skip(redistest.ErrUnavailable)
				}
				env["REDIS_URL"] = realURL
			}
			d := start(t, env)
			test(t, &rig{demo: d, t: t, framework: "chi", client: clientOf(t, d, kind)})
		})
	}
}

// All frameworks have the cart, at the shop's own addresses, under their names, and at their ports.
func TestSideBySide(t *testing.T) {
	onBoth(t, func(t *testing.T, r *rig) {
		v := newVisitor(t, r.url)
		wantBody(t, v.do("POST", "/cart/add", item("apple")), 200, r.cart("apple"))
		page := v.do("GET", "/", nil, "Accept", browser)
		if page.status != 200 || !strings.Contains(page.header.Get("Content-Security-Policy"), "default-src 'none'") {
			t.Errorf("the page is %d, %v", page.status, page.header)
		}
		for _, framework := range frameworks {
			r.framework = framework
			wantBody(t, v.do("GET", "/on/"+framework+"/cart", nil), 200, r.cart("apple"))
			_, rest, _ := strings.Cut(page.body, `data-framework="`+framework+`"`)
			_, rest, _ = strings.Cut(rest, `href="`)
			address, _, _ := strings.Cut(rest, `"`)
			own := *v
			own.url = address
			wantBody(t, own.do("GET", "/cart", nil), 200, r.cart("apple"))
		}
		r.framework = "chi"
		wantBody(t, v.do("POST", "/login", url.Values{"user": {"ann"}}), 200, `{"user":"ann","served_by":"chi-test"}`)
		wantBody(t, v.do("GET", "/slow?ms=1", nil), 200, `{"ms":1,"served_by":"chi-test"}`)
		wantBody(t, v.do("GET", "/healthz", nil), 200, `{"redis":"ok","served_by":"chi-test"}`)
		wantBody(t, v.do("POST", "/logout", nil), 200, `{"user":"","served_by":"chi-test"}`)
		if got := v.do("GET", "/nowhere", nil); got.status != 404 {
			t.Errorf("an unknown path is %d", got.status)
		}
	})
}

// sent is an event of the page's stream.
type sent struct{ name, data string }

// openStream opens the page's stream.
func openStream(t *testing.T, v *visitor) <-chan sent {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, v.url+"/demo/events", nil)
	if err != nil {
		t.Fatal(err)
	}
	endless := *v.http
	endless.Timeout = 0
	res, err := endless.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	if res.StatusCode != 200 {
		t.Fatalf("the stream is %d", res.StatusCode)
	}
	events := make(chan sent, 1000)
	ended := make(chan struct{})
	t.Cleanup(func() { res.Body.Close(); <-ended })
	go func() { // ends with the body
		defer close(ended)
		defer close(events)
		var e sent
		for lines := bufio.NewScanner(res.Body); lines.Scan(); {
			if name, ok := strings.CutPrefix(lines.Text(), "event: "); ok {
				e.name = name
			}
			if data, ok := strings.CutPrefix(lines.Text(), "data: "); ok {
				e.data = data
				events <- e
			}
		}
	}()
	return events
}

// patience is how long a test waits for an event.
const patience = 15 * time.Second

// await returns the data of the next event with this name and text, and how many "keys" came before.
func await(t *testing.T, events <-chan sent, name, text string) (data string, keys int) {
	t.Helper()
	for late := time.After(patience); ; {
		select {
		case e, open := <-events:
			if !open {
				t.Fatalf("the stream ended without %s %q", name, text)
			}
			if e.name == name && strings.Contains(e.data, text) {
				return e.data, keys
			}
			if e.name == "keys" {
				keys++
			}
		case <-late:
			t.Fatalf("no event %s %q", name, text)
		}
	}
}

// awaitBoth waits for two events, in whichever order, and returns the data of the second.
func awaitBoth(t *testing.T, events <-chan sent, first, itsText, second, text string) (data string) {
	t.Helper()
	seen := false
	for late := time.After(patience); !seen || data == ""; {
		select {
		case e, open := <-events:
			if !open {
				t.Fatalf("the stream ended without both %s and %s", first, second)
			}
			seen = seen || e.name == first && strings.Contains(e.data, itsText)
			if e.name == second && strings.Contains(e.data, text) {
				data = e.data
			}
		case <-late:
			t.Fatalf("not both: %s %q and %s %q", first, itsText, second, text)
		}
	}
	return data
}

// ends waits until a stream ends.
func ends(t *testing.T, events <-chan sent) {
	t.Helper()
	for late := time.After(patience); ; {
		select {
		case _, open := <-events:
			if !open {
				return
			}
		case <-late:
			t.Fatal("the stream goes on")
		}
	}
}

// A page's stream tells what happens, holds no session, and names no secret. It ends with the demo.
func TestStream(t *testing.T) {
	onBoth(t, func(t *testing.T, r *rig) {
		v := newVisitor(t, r.url)
		v.do("POST", "/cart/add", item("apple"))
		id := v.sessionID()
		events := openStream(t, v)
		await(t, events, "hello", handleOf(id))
		await(t, events, "keys", `\"apple\"`)
		if r.client.Exists(t.Context(), r.key(id, "Lock")).Val() != 0 {
			t.Error("the stream holds the session")
		}
		if got := v.do("POST", "/on/gin/demo/hold", url.Values{"ms": {"1000"}, "id": {"mine"}}); got.status != 200 {
			t.Fatalf("hold is %d %s", got.status, got.body)
		}
		await(t, events, "phase", `"id":"mine","in":true`)
		_, looks := await(t, events, "phase", `"id":"mine","in":false`)
		if looks > 3 { // the lock has come
			t.Errorf("the keys were sent %d times, though little has changed", looks)
		}
		data := awaitBoth(t, events, "saved", `"note"`, "keys", "from gin")
		if proof := proofOf(id); strings.Contains(data, id[27:]) || strings.Contains(data, proof) {
			t.Errorf("a secret or a proof is on the page: %s", data)
		}
		if ttl := r.client.PTTL(t.Context(), r.key(id, "Timeout")).Val(); ttl <= 0 {
			t.Errorf("the session's end is not tracked: %v", ttl)
		}
		v.do("POST", "/logout", nil)
		await(t, events, "over", "abandoned")
		ends(t, events)
		last := openStream(t, newVisitor(t, r.url))
		await(t, last, "hello", `"handle":""`)
		if data, _ := await(t, last, "end", handleOf(id)); !strings.Contains(data, `"items":["apple"]`) || !strings.Contains(data, `"reason":"abandoned"`) {
			t.Errorf("the end is %s", data)
		}
		if err := r.stop(); err != nil {
			t.Error(err)
		}
		ends(t, last)
	})
}

// Pages hear of a sign-in once it is saved: before, they would not find the device.
func TestSignInIsTold(t *testing.T) {
	onBoth(t, func(t *testing.T, r *rig) {
		v := newVisitor(t, r.url)
		events := openStream(t, v)
		await(t, events, "hello", `"redis":true`)
		signIn := func() int {
			return v.do("POST", "/on/gin/demo/signin", url.Values{"user": {"ann"}, "device": {"a test"}}).status
		}
		v.do("POST", "/demo/redis", url.Values{"off": {"30s"}})
		await(t, events, "redis", "false")
		if status := signIn(); status != 503 {
			t.Errorf("without Redis it is %d", status)
		}
		v.do("POST", "/demo/redis", url.Values{})
		for e := range events {
			if e.name == "people" {
				t.Error("a sign-in is told that was not saved")
			}
			if e.name == "redis" {
				break
			}
		}
		signIn()
		await(t, events, "people", "")
	})
}

// The page's own requests keep no session alive, and nothing that it gets has the secret.
func TestState(t *testing.T) {
	onBoth(t, func(t *testing.T, r *rig) {
		v := newVisitor(t, r.url)
		v.do("POST", "/on/echo/demo/signin", url.Values{"user": {"ann"}, "device": {"a test"}})
		first := v.do("GET", "/on/echo/demo/state", nil).body
		if !strings.Contains(first, `"user":"ann"`) || !strings.Contains(first, `"name":"a test"`) || strings.Contains(first, v.sessionID()[27:]) {
			t.Errorf("the state is %s", first)
		}
		v.do("POST", "/rotate", nil)
		var before, after struct{ Handle, Fingerprint string }
		if err := json.Unmarshal([]byte(first), &before); err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal([]byte(v.do("GET", "/on/fiber/demo/state", nil).body), &after); err != nil {
			t.Fatal(err)
		}
		if after.Handle != before.Handle || after.Fingerprint == before.Fingerprint || before.Handle != handleOf(v.sessionID()) {
			t.Errorf("before %v, after a rotation %v", before, after)
		}

		// With a timeout of 5 seconds, the session ends although the page looks on.
		v.do("POST", "/on/chi/demo/short", nil)
		handle, gone, everybody := handleOf(v.sessionID()), openStream(t, v), openStream(t, newVisitor(t, r.url))
		until(t, "the session has ended", func() bool {
			return !strings.Contains(v.do("GET", "/on/fiber3/demo/state", nil).body, handle)
		})
		await(t, gone, "over", `"reason":"expired"`)
		data, _ := await(t, everybody, "end", handle)
		if !strings.Contains(data, `"reason":"expired","items":null`) {
			t.Errorf("the end is %s", data)
		}
	})
}

// Who is logged out from elsewhere is told why.
func TestOthers(t *testing.T) {
	onBoth(t, func(t *testing.T, r *rig) {
		first, second := newVisitor(t, r.url), newVisitor(t, r.url)
		for _, v := range []*visitor{first, second} {
			v.do("POST", "/on/gin/demo/signin", url.Values{"user": {"ann"}})
		}
		events := openStream(t, second)
		await(t, events, "hello", "")
		wantBody(t, first.do("POST", "/on/fiber/demo/others", nil), 200, "1")
		await(t, events, "over", "operator")
		if got := second.do("GET", "/on/echo5/demo/state", nil).body; !strings.Contains(got, `"whyOut":"operator"`) {
			t.Errorf("the second is told %s", got)
		}
	})
}

// Without Redis, the three modes answer each in its way, and the page hears when it is back.
func TestOutage(t *testing.T) {
	onBoth(t, func(t *testing.T, r *rig) {
		v := newVisitor(t, r.url)
		v.do("POST", "/on/chi/demo/visit", nil)
		events := openStream(t, v)
		await(t, events, "hello", `"redis":true`)
		v.do("POST", "/demo/redis", url.Values{"off": {"30s"}})
		await(t, events, "redis", "false")
		if got := v.do("POST", "/demo/mode/error", nil); got.status != 503 || got.header.Get("Retry-After") == "" {
			t.Errorf("error: %d %s", got.status, got.body)
		}
		wantBody(t, v.do("POST", "/demo/mode/silent", nil), 200, `{"detached":true,"visits":1}`)
		patient := make(chan response, 1)
		go func() { // ends with its answer
			got, err := v.try(context.WithoutCancel(t.Context()), "POST", "/demo/mode/retry", nil)
			if err != nil {
				t.Error(err)
			}
			patient <- got
		}()
		await(t, openStream(t, v), "hello", `"redis":false`) // a page that opens now
		if r.client.Ping(t.Context()).Err() != nil {
			t.Error("others cannot reach Redis either")
		}
		v.do("POST", "/demo/redis", url.Values{})
		await(t, events, "redis", "true")
		wantBody(t, <-patient, 200, `{"detached":false,"visits":1}`)
		if got := v.do("POST", "/demo/mode/none", nil); got.status != 404 {
			t.Errorf("an unknown mode is %d", got.status)
		}
	})
}

// Redis comes back by itself, and other sites cannot switch it off.
func TestSwitch(t *testing.T) {
	onBoth(t, func(t *testing.T, r *rig) {
		v := newVisitor(t, r.url)
		for _, path := range []string{"/demo/redis", "/on/chi/demo/visit"} {
			if got := v.do("POST", path, url.Values{"off": {"30s"}}, "Origin", "https://elsewhere.example"); got.status != 403 {
				t.Errorf("%s: another site gets %d", path, got.status)
			}
		}
		events := openStream(t, v)
		await(t, events, "hello", `"redis":true`)
		v.do("POST", "/demo/redis", url.Values{"off": {"100ms"}})
		await(t, events, "redis", "false")
		await(t, events, "redis", "true")
		wantBody(t, v.do("POST", "/cart/add", item("apple")), 200, r.cart("apple"))
	})
}

// The inspector shows the session's cart, and changes nothing.
func TestInspector(t *testing.T) {
	onBoth(t, func(t *testing.T, r *rig) {
		v := newVisitor(t, r.url)
		v.do("POST", "/cart/add", item("apple"))
		path := "/inspect/session?handle=" + handleOf(v.sessionID())
		if got := v.do("GET", path, nil); got.status != 200 || !strings.Contains(got.body, "apple") {
			t.Errorf("the inspector shows %d %s", got.status, got.body)
		}
		if got := v.do("POST", strings.Replace(path, "session", "end-session", 1), url.Values{}); got.status != 403 {
			t.Errorf("to end a session is %d", got.status)
		}
	})
}
