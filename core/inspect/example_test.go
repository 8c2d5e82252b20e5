package inspect_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"

	"github.com/alicebob/miniredis/v2"

	"github.com/berthgo/berth/core/inspect"
	"github.com/berthgo/berth/core/session"
)

// The inspector stands behind the application's own authorization. Programs ask it for JSON.
func Example() {
	server, err := miniredis.Run() // your Redis
	if err != nil {
		log.Fatal(err)
	}
	defer server.Close()
	m, err := session.Open(session.Config{URL: "redis://" + server.Addr()}, session.Options{App: "shop"})
	if err != nil {
		log.Fatal(err)
	}
	defer m.Close()

	err = m.Do(context.Background(), "", session.Exclusive, func(s *session.Session) error {
		s.SetPrincipal("ann")
		s.Set("cart", []string{"tea"})
		return nil
	})
	if err != nil {
		log.Fatal(err)
	}

	onlyOperators := func(h http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if _, password, _ := r.BasicAuth(); password != "open sesame" { // yours is better
				http.Error(w, "operators only", http.StatusUnauthorized)
				return
			}
			h.ServeHTTP(w, r)
		})
	}
	mux := http.NewServeMux()
	mux.Handle("/admin/sessions/", onlyOperators(inspect.New(m, inspect.Options{})))

	get := func(password string) *httptest.ResponseRecorder {
		r := httptest.NewRequest(http.MethodGet, "/admin/sessions/of.json?principal=ann", nil)
		r.SetBasicAuth("operator", password)
		w := httptest.NewRecorder()
		mux.ServeHTTP(w, r)
		return w
	}
	fmt.Println(get("guess").Code)
	var found struct {
		Sessions []struct {
			Principal string
			Bytes     int
		}
	}
	if err := json.NewDecoder(get("open sesame").Body).Decode(&found); err != nil {
		log.Fatal(err)
	}
	fmt.Println(found.Sessions)
	// Output:
	// 401
	// [{ann 11}]
}
