package others

import (
	"reflect"
	"slices"
	"testing"

	"github.com/alexedwards/scs/goredisstore"
	"github.com/alexedwards/scs/v2"
	"github.com/boj/redistore"
	contrib "github.com/gin-contrib/sessions"
	"github.com/gofiber/fiber/v2/middleware/session"
	session3 "github.com/gofiber/fiber/v3/middleware/session"
	storage "github.com/gofiber/storage/redis/v3"
	"github.com/gorilla/sessions"
)

// TestNoCallback lists the functions that the other libraries take. None of them is called when a
// session expires. If a new version takes another one, look what it is for: the row of docs/others.md
// on expiry may change.
func TestNoCallback(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		takes any
		want  []string
	}{
		{scs.SessionManager{}, []string{"ErrorFunc"}}, // a failed load or save
		{goredisstore.RedisStore{}, nil},
		{sessions.Options{}, nil},
		{sessions.Session{}, nil},
		{redistore.RediStore{}, nil},
		{contrib.Options{}, nil},
		{session.Config{}, []string{"KeyGenerator"}},                          // a new ID
		{session3.Config{}, []string{"Next", "ErrorHandler", "KeyGenerator"}}, // no session for this request; a failed save
		{storage.Config{}, nil},
	} {
		var got []string
		of := reflect.TypeOf(c.takes)
		for i := range of.NumField() {
			if f := of.Field(i); f.IsExported() && f.Type.Kind() == reflect.Func {
				got = append(got, f.Name)
			}
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%v takes the functions %v, want %v", of, got, c.want)
		}
	}
}
