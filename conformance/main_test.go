package conformance_test

import (
	"context"
	"errors"
	"log"
	"os"
	"testing"

	"github.com/gin-gonic/gin"
	"go.uber.org/goleak"

	"github.com/berthgo/berth/core/redistest"
)

// realURL is where a real Redis is, "" if there is none.
var realURL string

func TestMain(m *testing.M) {
	r, err := redistest.Acquire(context.Background())
	switch {
	case err == nil:
		realURL = r.URL
	case errors.Is(err, redistest.ErrUnavailable):
		log.Print(err)
	default:
		log.Fatal(err)
	}
	gin.SetMode(gin.ReleaseMode) // else it prints every route
	code := m.Run()
	if err := r.Stop(); err != nil {
		log.Print(err)
		code = 1
	}
	err = goleak.Find(
		// Fasthttp keeps the date, for as long as the process lives, and looks
		// only every ten seconds whether a server was stopped.
		goleak.IgnoreAnyFunction("github.com/valyala/fasthttp.updateServerDate.func1"),
		goleak.IgnoreAnyFunction("github.com/valyala/fasthttp.(*workerPool).Start.func2"),
	)
	if err != nil && code == 0 {
		log.Print(err)
		code = 1
	}
	os.Exit(code)
}
