package redistest

import (
	"fmt"
	"testing"
)

func TestParseMember(t *testing.T) {
	t.Parallel()
	for line, want := range map[string]string{
		"id 127.0.0.1:10001@20001 myself,master - 0 0 2 connected 0-5460 5462 [5461-<-id2]": "10001 - [{0 5460} {5462 5462}]",
		"id :0@0 slave,fail,noaddr id2 1 1 2 disconnected":                                  "0 id2 []",
		"id ::1:10001@20001,host,shard-id=x master - 0 0 2 connected 7":                     "10001 - [{7 7}]",
		"id 127.0.0.1:10001@20001 master - 0 0 2":                                           "error",
		"id 127.0.0.1:10001@20001 master - 0 0 2 connected from-to":                         "error",
		"id 127.0.0.1:10001@20001 master - 0 0 2 connected 1-":                              "error",
	} {
		got := "error"
		if m, err := parseMember(line); err == nil {
			got = fmt.Sprint(m.port, " ", m.master, " ", m.owns)
		}
		if got != want {
			t.Errorf("%s: got %s, want %s", line, got, want)
		}
	}
}
