package conformance_test

import (
	"encoding/json"
	"log"
	"os"
	"sync"
	"testing"

	"github.com/berthgo/berth/conformance"
)

// searchEnv has a search, as JSON, for a run of these tests whose output is searched for secrets.
const searchEnv = "CONFORMANCE_SEARCH"

// search is what the process that searches asks of the one that runs the suite.
type search struct {
	URL     string // of its Redis
	Secrets string // the file for the IDs, as a JSON array
	Break   string // what is broken on purpose, "" for nothing
}

// searching is the side of the process that runs the suite. It does nothing if nobody searches.
type searching struct {
	search

	mu  sync.Mutex
	ids map[string]bool
}

// asked is what this process was asked for.
var asked = func() *searching {
	s := &searching{ids: make(map[string]bool)}
	if text := os.Getenv(searchEnv); text != "" {
		if err := json.Unmarshal([]byte(text), &s.search); err != nil {
			log.Fatal(err)
		}
	}
	return s
}()

func (s *searching) searched() bool { return s.URL != "" }

func (s *searching) witnessed(a conformance.Adapter) conformance.Adapter {
	if !s.searched() {
		return a
	}
	return a.Witnessed(s.issued, os.Stdout)
}

func (s *searching) issued(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ids[id] = true
}

// run runs the tests, and then writes down which IDs there were.
func (s *searching) run(m *testing.M) (code int) {
	realURL = s.URL
	code = m.Run()
	all := make([]string, 0, len(s.ids))
	for id := range s.ids {
		all = append(all, id)
	}
	text, err := json.Marshal(all)
	if err == nil {
		err = os.WriteFile(s.Secrets, text, 0o600)
	}
	if err != nil {
		log.Print(err)
		return 1
	}
	return code
}
