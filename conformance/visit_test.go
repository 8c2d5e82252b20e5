//go:build testall

package conformance_test

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/berthgo/berth/conformance"
	"github.com/berthgo/berth/core/redistest"
	"github.com/berthgo/berth/core/session"
)

// What nobody must see, besides the secrets of sessions.
const (
	visitKey      = "w8!encryption-key-of-the-visits?" // 32 bytes
	visitValue    = "a-value-of-the-visits"
	wrongPassword = "a-password-that-is-wrong"
)

// mistakes are what a visit does wrong on purpose if the process that searches asks for one: what a
// handler does with its session.
var mistakes = map[string]func(v *visit, s *session.Session){
	"an ID in the log":         func(v *visit, s *session.Session) { v.log.Info("hello", "session", s.ID()) },
	"half a secret in the log": func(v *visit, s *session.Session) { v.log.Info("hello " + s.ID()[27:40]) },
	"an ID in an error":        func(v *visit, s *session.Session) { fmt.Fprintln(v.out, errors.New("no cart in "+s.ID())) },
	"a secret in Redis": func(v *visit, s *session.Session) {
		v.client.Set(v.ctx, v.m.Adapter().Key("last"), s.ID()[27:], time.Minute)
	},
	"an encryption key in bytes": func(v *visit, _ *session.Session) { fmt.Fprintln(v.out, []byte(visitKey)) },
	"a password":                 func(v *visit, _ *session.Session) { fmt.Fprintln(v.out, v.password) },
	"a value in the log":         func(v *visit, s *session.Session) { v.log.Info("bye", "value", s.Keys(), "is", visitValue) },
}

// visit is a browser at an application that has what the suite's cases do not have together: encryption,
// companions, tracked ends and a limit of sessions. It writes all it can say to out.
type visit struct {
	*testing.T
	ctx      context.Context
	out      io.Writer
	log      *slog.Logger
	client   *redis.Client
	password string
	m        *session.Manager
	addr     string
}

// All that can be printed is printed, and all that can fail fails. TestNoSecretIsTold reads it.
func TestVisit(t *testing.T) {
	t.Parallel()
	for _, a := range []conformance.Adapter{chiAdapter, echoAdapter, echo5Adapter, fiberAdapter, fiber3Adapter, ginAdapter, httpAdapter} {
		name := strings.ReplaceAll(a.Name, "/", "-")
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			newVisit(t, a, name).run()
		})
	}
}

func newVisit(t *testing.T, a conformance.Adapter, name string) *visit {
	t.Helper()
	if realURL == "" {
		t.Skip(redistest.ErrUnavailable)
	}
	o, err := redis.ParseURL(realURL)
	if err != nil {
		t.Fatal(err)
	}
	v := &visit{T: t, ctx: t.Context(), out: io.Discard, client: redis.NewClient(o), password: o.Password}
	t.Cleanup(func() { _ = v.client.Close() })
	if asked.searched() {
		v.out = os.Stdout
	}
	v.log = slog.New(slog.NewJSONHandler(v.out, &slog.HandlerOptions{Level: slog.LevelDebug}))
	options := session.Options{
		App: fmt.Sprintf("visit%d-%s", os.Getpid(), name), EncryptionKeys: []session.EncryptionKey{session.EncryptionKey(visitKey)},
		TrackEnd: true, EndNotifications: true, MaxPerPrincipal: 1, LockWait: -1, MaxBytes: 10_000, Logger: v.log,
		Hooks: session.Hooks{
			OnStart:           func(_ context.Context, s *session.Session) { v.print("starts", s) },
			OnError:           func(_ context.Context, err error) { v.print("error", err) },
			OnLockNotAcquired: func(_ context.Context, err error) { v.print("not acquired", err) },
			OnFieldsSet:       func(_ context.Context, s *session.Session, keys []string) { v.print("set", s, keys) },
			OnFieldsDeleted:   func(_ context.Context, s *session.Session, keys []string) { v.print("deleted", s, keys) },
		},
	}
	if v.m, err = session.New(v.client, options); err != nil {
		t.Fatal(err)
	}
	v.m.Observe(session.Observer{Event: func(_ context.Context, e session.Event) { v.print("event", e) }})
	v.print("options", options)
	v.print("manager", v.m)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	v.addr = l.Addr().String()
	stop := a.Serve(l, conformance.App{Manager: v.m, Routes: v.routes()})
	t.Cleanup(func() {
		_ = v.m.Close()
		stop()
	})
	return v
}

// print writes values in every way in which a program may log them.
func (v *visit) print(what string, values ...any) {
	for _, value := range values {
		fmt.Fprintf(v.out, "%s: %v\n%+v\n%#v\n%s\n", what, value, value, value, value)
		v.log.Debug(what, "value", value)
	}
}

func (v *visit) routes() conformance.Routes {
	does := func(f func(s *session.Session)) conformance.Handler {
		return func(x *conformance.Exchange) error {
			s := x.From()
			v.print("handler", s)
			if mistake := mistakes[asked.Break]; mistake != nil && s.ID() != "" {
				mistake(v, s)
			}
			f(s)
			return nil
		}
	}
	return conformance.Routes{
		"/set": does(func(s *session.Session) { s.Set("k", visitValue) }),
		"/show": does(func(s *session.Session) {
			_ = session.GetOr(s, "k", "")
			_, err := session.Get[int](s, "k")
			v.print("get", err)
		}),
		"/delete": does(func(s *session.Session) { s.Delete("k"); s.Set("k2", visitValue) }),
		"/in":     does(func(s *session.Session) { s.SetPrincipal("ann"); s.SetCompanion("ann is here") }),
		"/again":  does((*session.Session).Reauthenticated),
		"/rotate": does((*session.Session).Rotate),
		"/out":    does((*session.Session).Abandon),
		"/large":  does(func(s *session.Session) { s.Set("large", strings.Repeat(visitValue, 1000)) }),
		"/chan":   does(func(s *session.Session) { s.Set("chan", []any{visitValue, make(chan int)}) }),
		"/busy": does(func(s *session.Session) { // asks for what it holds
			_, err := v.m.Begin(v.ctx, s.ID(), session.Exclusive)
			v.print("busy", err)
		}),
		"/fails": func(x *conformance.Exchange) error {
			v.print("handler", x.From())
			return errors.New("a handler fails")
		},
		"/panics": func(x *conformance.Exchange) error { panic(x.From()) },
	}
}

// random is half an ID that berth has not made.
func random() string { return strings.ToLower(rand.Text()) }

var sessionCookie = regexp.MustCompile(`[a-z2-7]{26}\.[a-z2-7]{26}`)

// get sends a request and returns the ID that the client has then. A status below 500 is wanted, or not.
func (v *visit) get(path, id string, well bool) string {
	v.Helper()
	request, err := http.NewRequestWithContext(v.ctx, http.MethodGet, "http://"+v.addr+path, nil)
	if err != nil {
		v.Fatal(err)
	}
	request.Close = true
	if id != "" {
		asked.issued(id)
		request.Header.Set("Cookie", "session="+id)
	}
	response, err := http.DefaultTransport.RoundTrip(request)
	if err != nil {
		if well {
			v.Fatal(err)
		}
		return id
	}
	_ = response.Body.Close()
	if (response.StatusCode < 500) != well {
		v.Errorf("GET %s: status %d", path, response.StatusCode)
	}
	if set := sessionCookie.FindString(response.Header.Get("Set-Cookie")); set != "" {
		asked.issued(set)
		return set
	}
	return id
}

func (v *visit) run() {
	ctx, stop := context.WithCancel(v.ctx)
	ended, handling := make(chan session.Ended, 100), make(chan error, 1)
	go func() {
		handling <- v.m.HandleEnd(ctx, func(_ context.Context, e session.Ended) error {
			v.print("ended", e, e.Session)
			ended <- e
			if e.Attempt == 1 {
				return nil
			}
			return errors.New("a handler of ends fails")
		})
	}()
	const well, ill = true, false
	old := v.get("/set", "", well)
	id := old
	for _, path := range []string{"/show", "/in", "/again", "/rotate", "/delete", "/busy", "/set"} {
		id = v.get(path, id, well)
	}
	for _, path := range []string{"/large", "/chan", "/fails", "/panics"} {
		v.get(path, id, ill)
	}
	handle := strings.Split(id, ".")[0]
	v.get("/show", old, well) // it was rotated away
	v.get("/show", handle+"."+random(), well)
	v.get("/set", random()+"."+random(), well)

	infos, err := v.m.SessionsOf(ctx, "ann")
	v.print("sessions of ann", infos, err)
	for info, err := range v.m.Sessions(ctx, "k") {
		v.print("session", info, err)
	}
	inspected, err := v.m.Inspect(ctx, handle)
	v.print("inspected", err, inspected.Handle)
	other := v.get("/in", v.get("/set", "", well), well) // one too many: the first ends
	v.print("end", (<-ended).Reason)
	v.get("/show", id, well)
	v.print("end", v.m.End(ctx, handle+other[26:]), v.m.EndHandle(ctx, handle))

	data := "{" + v.m.App() + "_" + strings.Split(other, ".")[0] + "}_Data"
	meta := v.client.HGet(ctx, data, "_berth").Val()
	v.client.HSet(ctx, data, "_berth", strings.Replace(meta, "ann", "bob", 1))
	v.get("/show", other, ill) // forged
	v.client.HSet(ctx, data, "_berth", meta)
	v.client.HSet(ctx, data, "k", "damaged")
	v.get("/show", other, well) // a value that nobody can decrypt
	v.get("/out", other, well)
	another := v.get("/set", "", well)
	v.client.Set(ctx, "{"+v.m.App()+"_"+strings.Split(another, ".")[0]+"}_Data", "", time.Minute)
	v.get("/show", another, ill) // WRONGTYPE

	v.wrongConfigs()
	stop()
	if err := <-handling; err != nil {
		v.Error(err)
	}
}

// wrongConfigs are of somebody who does not get in. A server without a password lets everybody in.
func (v *visit) wrongConfigs() {
	addr := v.client.Options().Addr
	for _, config := range []session.Config{
		{URL: "redis://:" + wrongPassword + "@" + addr},
		{URL: addr + ",password=" + wrongPassword + ",oops=1"},
		{URL: "redis://:" + wrongPassword + "@/" + addr},
	} {
		v.print("config", config)
		m, err := session.Open(config, session.Options{App: "wrong", Logger: v.log})
		v.print("open", err)
		if err != nil {
			continue
		}
		v.print("ping", m.Ping(v.ctx))
		_, err = m.Begin(v.ctx, random()+"."+random(), session.Exclusive)
		v.print("begin", err)
		_ = m.Close()
	}
}
