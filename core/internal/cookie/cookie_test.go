package cookie_test

import (
	"testing"

	"github.com/berthgo/berth/core/internal/cookie"
	"github.com/berthgo/berth/core/internal/credential"
)

func TestByHTTPS(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		protos, forwarded []string
		want              bool
	}{
		{nil, nil, false},
		{[]string{"https"}, nil, true},
		{[]string{"HTTPS, http"}, nil, true},
		{[]string{"http, https"}, nil, false},
		{[]string{"http"}, []string{"proto=https"}, false},
		{nil, []string{"for=1.2.3.4;proto=https;by=x"}, true},
		{nil, []string{`Proto="HTTPS", proto=http`}, true},
		{nil, []string{"proto=http, proto=https"}, false},
		{nil, []string{"for=https"}, false},
		{[]string{""}, nil, false},
	} {
		if got := cookie.ByHTTPS(c.protos, c.forwarded); got != c.want {
			t.Errorf("X-Forwarded-Proto %q, Forwarded %q: %t", c.protos, c.forwarded, got)
		}
	}
}

// Whatever a client sends, what comes back is an ID or nothing.
func FuzzIDs(f *testing.F) {
	id := credential.New(credential.NewHandle())
	f.Add("session="+id, "session")
	f.Add(`a=b; session="`+id+`" ;`, "session")
	f.Add("session=; ;;=", "session")
	f.Fuzz(func(t *testing.T, line, name string) {
		ids := cookie.IDs(nil, []string{line, line}, name)
		if len(ids) > 4 {
			t.Errorf("%d IDs", len(ids))
		}
		for _, id := range ids {
			if !credential.Valid(id) {
				t.Errorf("found %q", id)
			}
		}
	})
}
