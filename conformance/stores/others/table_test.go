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
	p := page{string(text), table(string(text))}
	head := []string{"what happens"}
	for _, l := range libraries {
		head = append(head, l.name)
	}
	if len(p.table) != len(rows)+1 || !slices.Equal(p.table[0], head) {
		t.Fatalf("docs/others.md has a table of %d rows, want %d, below %v", len(p.table)-1, len(rows), head)
	}
	for i, r := range rows {
		if got := p.table[i+1]; len(got) != len(head) || got[0] != r.title {
			t.Fatalf("docs/others.md has the row %q, want %q and %d cells", got, r.title, len(head))
		}
	}
	return p
}

// table returns the cells of the first table of a text whose first column is "what happens".
func table(text string) [][]string {
	var all [][]string
	for line := range strings.Lines(text) {
		switch {
		case len(all) == 0 && !strings.HasPrefix(line, "| what happens |"), strings.HasPrefix(line, "|-"):
			continue
		case !strings.HasPrefix(line, "|"):
			return all
		}
		var cells []string
		for cell := range strings.SplitSeq(strings.Trim(line, "| \n"), "|") {
			cells = append(cells, strings.TrimSpace(cell))
		}
		all = append(all, cells)
	}
	return all
}

// TestReadme checks that the README says the same as docs/others.md, if it has some of its rows and columns.
func TestReadme(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	readme, p := table(string(text)), readPage(t)
	for i, row := range readme {
		if i == 0 {
			continue
		}
		at := slices.IndexFunc(p.table, func(r []string) bool { return r[0] == row[0] })
		if at < 0 {
			t.Errorf("docs/others.md does not have the row of the README: %s", row[0])
			continue
		}
		if len(row) != len(readme[0]) {
			t.Errorf("%s: the README has %d cells, want %d", row[0], len(row), len(readme[0]))
			continue
		}
		for j, cell := range row {
			if column := slices.Index(p.table[0], readme[0][j]); column < 0 || cell != p.table[at][column] {
				t.Errorf("%s: the README says %q of %s, and docs/others.md does not", row[0], cell, readme[0][j])
			}
		}
	}
}
