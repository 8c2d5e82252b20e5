package others

import (
	"context"
	"net/http"
	"regexp"
	"strings"
	"time"
)

// row is a row of the table. holds sees whether it is so with the library of a site.
type row struct {
	title string
	holds func(s *site) bool
	aids  aids
}

// aids has, for each library, the option or call with which a row holds that does not hold without.
type aids map[string]string

var rows = []row{
	{"Two requests of a session at the same time: both changes are kept", bothKept, nil},
	{"After a sign-out, a slow request does not bring the session back", staysOut, nil},
	{"The application is told when a session expires, with its last values", told, aids{"berth": byHandleEnd}},
	{"All sessions of one user end, from anywhere", endedAll, aids{"berth": byEndAll, "scs": byIterate}},
	{"A value that is changed in place is saved", inPlace, aids{
		"scs": withIdleTimeout, "gorilla/sessions": bySave, "gin-contrib/sessions": bySetAndSave, "Fiber v2": bySave,
	}},
	{"A sign-in makes the cookie from before it worthless", renewed, aids{
		"scs": byRenewToken, "gorilla/sessions": byTwoSaves, "gin-contrib/sessions": byTwoStoreSaves, "Fiber v2": byRegenerate, "Fiber v3": byRegenerate,
	}},
	{"When the save fails, the client gets an error and not the page", refused, aids{
		"scs": byCommit, "gorilla/sessions": checksSave, "gin-contrib/sessions": checksSave, "Fiber v2": checksSave,
	}},
	{"When Redis fails at the read, the session is not overwritten", notOverwritten, aids{
		"gorilla/sessions": checksGet, "gin-contrib/sessions": checksGetOfStore, "Fiber v3": withRecover,
	}},
	{"A response that is flushed before its end has its cookie", early, aids{"scs": byCommit}},
	{"When the client hangs up, its change is saved all the same", hungUp, aids{"scs": byCommitDetached}},
	{"Whoever can read Redis still cannot use the sessions in it", sealed, aids{"scs": withHashes}},
}

func bothKept(s *site) bool {
	b := s.browser()
	b.must("/in?user=ann")
	b.meanwhile("/set?name=one&value=1&pause=1", "/set?name=two&value=2")
	if b.must("/get?name=one") != "1" {
		s.t.Error("the change of the request that was last is lost")
	}
	return b.must("/get?name=two") == "2"
}

func inPlace(s *site) bool {
	b := s.browser()
	b.must("/cart/new")
	b.must("/cart/add")
	return b.must("/cart") == "2"
}

func renewed(s *site) bool {
	b := s.browser()
	b.must("/set?name=note&value=x")
	planted := b.cookie()
	b.must("/in?user=ann")
	if b.must("/get?name=user") != "ann" {
		s.t.Error("the user is not signed in")
	}
	return s.thief(planted.Name, planted.Value).must("/get?name=user") == ""
}

// sealed tries as a cookie whatever in Redis looks like one, and any two such things with a dot.
func sealed(s *site) bool {
	b := s.browser()
	b.must("/in?user=ann")
	found := s.lookAtRedis()
	if len(found) == 0 {
		s.t.Error("Redis has nothing that looks like an ID: nothing was tried")
	}
	tries := found
	for _, x := range found {
		for _, y := range found {
			tries = append(tries, x+"."+y)
		}
	}
	for _, value := range tries {
		if s.thief(b.cookie().Name, value).must("/get?name=user") == "ann" {
			return false
		}
	}
	return true
}

// lookAtRedis returns what looks like an ID in the names and values of all keys.
func (s *site) lookAtRedis() []string {
	looksLikeID := regexp.MustCompile(`[A-Za-z0-9_-]{16,}`)
	var all []string
	for _, key := range s.keys() {
		all = append(all, key)
		switch kind := s.redis.Type(s.ctx, key).Val(); kind {
		case "string":
			all = append(all, s.redis.Get(s.ctx, key).Val())
		case "hash":
			for _, v := range s.redis.HGetAll(s.ctx, key).Val() {
				all = append(all, v)
			}
		case "zset":
			all = append(all, s.redis.ZRange(s.ctx, key, 0, -1).Val()...)
		default:
			s.t.Errorf("a key is a %s: read it too", kind)
		}
	}
	var found []string
	for _, text := range all {
		for _, id := range looksLikeID.FindAllString(text, -1) {
			found = append(found, id)
			for _, part := range strings.Split(id, "_") { // session_ID, and others_ID_Data
				if part != id && len(part) >= 16 {
					found = append(found, part)
				}
			}
		}
	}
	return found
}

func (s *site) keys() []string {
	keys, err := s.redis.Keys(s.ctx, "*").Result()
	if err != nil {
		s.t.Fatal(err)
	}
	return keys
}

// told has a session expire. If Redis keeps nothing of it, nobody can be told its last values.
// TestNoCallback sees that the other libraries call no function then.
func told(s *site) bool {
	s.browser().must("/set?name=note&value=last")
	if s.ended != nil {
		select {
		case note := <-s.ended:
			return note == "last"
		case <-s.ctx.Done():
			return false
		}
	}
	for _, key := range s.keys() {
		if s.redis.PTTL(s.ctx, key).Val() < 0 {
			continue // it does not expire
		}
		if err := s.redis.PExpireAt(s.ctx, key, time.Unix(1, 0)).Err(); err != nil {
			s.t.Fatal(err)
		}
	}
	return len(s.keys()) > 0
}

func endedAll(s *site) bool {
	one, two, other := s.browser(), s.browser(), s.browser()
	one.must("/in?user=ann")
	two.must("/in?user=ann")
	other.must("/in?user=bob")
	if s.endAll == nil {
		return false
	}
	if err := s.endAll("ann"); err != nil {
		s.t.Fatal(err)
	}
	return one.must("/get?name=user") == "" && two.must("/get?name=user") == "" && other.must("/get?name=user") == "bob"
}

func staysOut(s *site) bool {
	b := s.browser()
	b.must("/in?user=ann")
	c := b.cookie()
	b.meanwhile("/set?name=note&value=x&pause=1", "/out")
	return s.thief(c.Name, c.Value).must("/get?name=user") == ""
}

func refused(s *site) bool {
	b := s.browser() // without a cookie, so that there is nothing to read
	s.fail()
	status, body := b.get("/set?name=note&value=x")
	s.heal()
	return status >= http.StatusInternalServerError && !strings.Contains(body, "saved")
}

func notOverwritten(s *site) bool {
	b := s.browser()
	b.must("/in?user=ann")
	c := b.cookie()
	s.fail()
	b.get("/set?name=note&value=x&heal=1") // which heals Redis before it saves, if it gets so far
	s.heal()
	if s.panicked.Load() {
		return false // so are all other requests of the process
	}
	b = s.thief(c.Name, c.Value)
	user, note := b.must("/get?name=user"), b.must("/get?name=note")
	if user != "ann" && note != "x" {
		s.t.Error("the session is gone, though nothing has overwritten it")
	}
	return user == "ann"
}

func early(s *site) bool {
	b := s.browser()
	b.must("/early?name=note&value=x")
	return b.must("/get?name=note") == "x"
}

func hungUp(s *site) bool {
	b := s.browser()
	b.must("/in?user=ann")
	ctx, hangUp := context.WithCancel(s.ctx)
	gone := make(chan struct{})
	go func() {
		defer close(gone)
		_, _, _ = b.try(ctx, "/set?name=note&value=x&pause=1&gone=1")
	}()
	select {
	case <-s.arrived:
	case <-s.ctx.Done():
		s.t.Error("the request has not come")
	}
	hangUp()
	<-gone
	select {
	case s.release <- struct{}{}:
	case <-s.ctx.Done():
	}
	s.running.Wait()
	if b.must("/get?name=user") != "ann" {
		s.t.Error("the session is gone")
	}
	return b.must("/get?name=note") == "x"
}
