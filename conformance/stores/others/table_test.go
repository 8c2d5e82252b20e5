package others

import (
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/berthgo/berth/core/redistest"
)

// libraries are the columns of the table, in their order.
var libraries = []struct {
	name    string
	start   func(s *site)
	modules []string // whose versions the page states
}{
	{"berth", startBerth, nil},
	{"scs", startSCS, []string{"github.com/alexedwards/scs/v2", "github.com/alexedwards/scs/goredisstore"}},
	{"gorilla/sessions", startGorilla, []string{"github.com/gorilla/sessions", "github.com/boj/redistore"}},
	{"gin-contrib/sessions", startGinContrib, []string{"github.com/gin-contrib/sessions", "github.com/gin-gonic/gin"}},
	{"Fiber v2", startFiber, []string{"github.com/gofiber/fiber/v2", "github.com/gofiber/storage/redis/v3"}},
	{"Fiber v3", startFiber3, []string{"github.com/gofiber/fiber/v3"}},
}

// startRedis starts a server with a user admin, whom site.fail does not affect.
func startRedis(t *testing.T) *redistest.Server {
	t.Helper()
	server, err := redistest.Start(t.Context(), redistest.Options{ACL: []string{"user admin on >admin ~* &* +@all"}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Stop() })
	return server
}

// TestTable sees what each library does, and that docs/others.md says so.
func TestTable(t *testing.T) {
	t.Parallel()
	redistest.NeedServer(t)
	p := readPage(t)
	for column, l := range libraries {
		t.Run(strings.ReplaceAll(l.name, "/", "-"), func(t *testing.T) {
			t.Parallel()
			server := startRedis(t)
			for i, r := range rows {
				t.Run(r.title, func(t *testing.T) {
					if got := see(t, r, l.name, l.start, server); got != p.table[i+1][column+1] {
						t.Errorf("docs/others.md says %q, but it is %q", p.table[i+1][column+1], got)
					}
				})
			}
		})
	}
}

// see returns the cell of a row and a library.
func see(t *testing.T, r row, library string, start func(s *site), server *redistest.Server) string {
	t.Helper()
	holds := func(aid string) bool {
		s := newSite(t, server, aid)
		start(s)
		return r.holds(s)
	}
	aid := r.aids[library]
	switch {
	case holds(""):
		return "yes"
	case aid != "" && holds(aid):
		return aid
	}
	return "no"
}

// TestPage checks what docs/others.md says beside the cells.
func TestPage(t *testing.T) {
	t.Parallel()
	p := readPage(t)
	mod, err := os.ReadFile("../go.mod")
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range libraries {
		for _, m := range l.modules {
			_, after, found := strings.Cut(string(mod), "\t"+m+" ")
			version, _, _ := strings.Cut(after, "\n")
			if !found || !strings.Contains(p.text, "| "+m+" | "+version+" |") {
				t.Errorf("docs/others.md does not state %s %s", m, version)
			}
		}
	}
	for _, r := range rows {
		if strings.Count(p.text, "\n**"+r.title+".**") != 1 {
			t.Errorf("docs/others.md does not say how it was found: %s", r.title)
		}
		for library := range r.aids {
			if !slices.Contains(p.table[0][1:], library) {
				t.Errorf("%s: no library is called %s", r.title, library)
			}
		}
	}
}

// page is docs/others.md. Its first table is the one of the rows.
type page struct {
	text  string
	table [][]string // the first row has the names of the libraries
}

func readPage(t *testing.T) page {
	t.Helper()
	text, err := os.ReadFile("../../../docs/others.md")
	if err != nil {
		t.Fatal(err)
	}
	p := page{text: string(text)}
	for line := range strings.Lines(p.text) {
		if !strings.HasPrefix(line, "| ") {
			if len(p.table) > 0 && !strings.HasPrefix(line, "|-") {
				break
			}
			continue
		}
		var cells []string
		for cell := range strings.SplitSeq(strings.Trim(line, "| \n"), "|") {
			cells = append(cells, strings.TrimSpace(cell))
		}
		p.table = append(p.table, cells)
	}
	head := []string{"what happens"}
	for _, l := range libraries {
		head = append(head, l.name)
	}
	titles := [][]string{head}
	for _, r := range rows {
		titles = append(titles, []string{r.title})
	}
	if len(p.table) != len(titles) || !slices.Equal(p.table[0], head) {
		t.Fatalf("docs/others.md has a table of %d rows, want %d, below %v", len(p.table), len(titles), head)
	}
	for i, want := range titles[1:] {
		if got := p.table[i+1]; len(got) != len(head) || got[0] != want[0] {
			t.Fatalf("docs/others.md has the row %q, want %q and %d cells", got, want[0], len(head))
		}
	}
	return p
}
