// Package gorilla is an application that moves from gorilla/sessions with redistore to berth. Its handlers stay.
package gorilla

import (
	"net/http"

	"github.com/boj/redistore"
)

// Before returns the application with redistore. The key signs the cookies.
func Before(addr string, key []byte) (http.Handler, error) {
	store, err := redistore.NewRediStore(10, "tcp", addr, "", "", key)
	if err != nil {
		return nil, err
	}
	return app{store}.routes(), nil
}
