package conformance_test

import (
	"os"
	"testing"

	"github.com/gin-gonic/gin"
	"go.uber.org/goleak"

	"github.com/berthgo/berth/core/redistest"
)

// realURL is where a real Redis is, "" if there is none.
var realURL string

func TestMain(m *testing.M) {
	gin.SetMode(gin.ReleaseMode) // else it prints every route
	if asked.searched() {
		os.Exit(asked.run(m))
	}
	redistest.Main(m, func(url string) { realURL = url }, func() error {
		return goleak.Find(
			// Fasthttp keeps the date, for as long as the process lives, and looks
			// only every ten seconds whether a server was stopped.
			goleak.IgnoreAnyFunction("github.com/valyala/fasthttp.updateServerDate.func1"),
			goleak.IgnoreAnyFunction("github.com/valyala/fasthttp.(*workerPool).Start.func2"),
		)
	})
}
