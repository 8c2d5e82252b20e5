package others

import (
	"net/http"
	"strings"
	"testing"

	"github.com/alexedwards/scs/goredisstore"
	"github.com/alexedwards/scs/v2"

	"github.com/berthgo/berth/core/redistest"
)

// Tests of what docs/others.md says below the table and the cells do not tell.

// ready starts a Redis and, if start is not nil, a site.
func ready(t *testing.T, start func(s *site), aid string) *site {
	t.Helper()
	t.Parallel()
	redistest.NeedServer(t)
	s := newSite(t, startRedis(t), aid)
	if start != nil {
		start(s)
	}
	return s
}

func TestFailedSaveOfSCS(t *testing.T) {
	s := ready(t, startSCS, "")
	s.fail()
	status, body := s.browser().get("/set?name=note&value=x")
	if status != http.StatusInternalServerError || body != "Internal Server Error\nsaved" {
		t.Errorf("scs answers %d %q", status, body)
	}
}

func TestFailedSaveOfBerth(t *testing.T) {
	s := ready(t, startBerth, "")
	s.fail()
	status, body := s.browser().get("/set?name=note&value=x")
	if status != http.StatusServiceUnavailable || strings.Contains(body, "saved") {
		t.Errorf("berth answers %d %q", status, body)
	}
}

// TestPutOfSCS changes a value in place, and puts it, without IdleTimeout.
func TestPutOfSCS(t *testing.T) {
	s := ready(t, startSCS, "by `Put`")
	if !inPlace(s) {
		t.Error("scs does not save what was put")
	}
}

func TestIterateWithHashes(t *testing.T) {
	s := ready(t, nil, "")
	m := scs.New()
	m.Store, m.HashTokenInStore = goredisstore.New(s.client()), true
	ctx, err := m.Load(s.ctx, "")
	if err != nil {
		t.Fatal(err)
	}
	m.Put(ctx, "user", "ann")
	if _, _, err := m.Commit(ctx); err != nil {
		t.Fatal(err)
	}
	if err := scsEndAll(s.ctx, m, "ann"); err != nil {
		t.Fatal(err)
	}
	if len(s.keys()) != 1 {
		t.Error("Iterate and Destroy work with HashTokenInStore: say so in docs/others.md")
	}
}

func TestFailedSaveOfFiber3(t *testing.T) {
	s := ready(t, startFiber3, "")
	s.fail()
	status, body := s.browser().get("/set?name=note&value=x")
	if status != http.StatusInternalServerError || body != "Internal Server Error" {
		t.Errorf("Fiber v3 answers %d %q", status, body)
	}
}
