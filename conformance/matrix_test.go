package conformance_test

import (
	"testing"

	"github.com/berthgo/berth/conformance"
	"github.com/berthgo/berth/core/redistest"
)

func TestChi(t *testing.T)    { onEveryRedis(t, chiAdapter) }
func TestEcho(t *testing.T)   { onEveryRedis(t, echoAdapter) }
func TestEcho5(t *testing.T)  { onEveryRedis(t, echo5Adapter) }
func TestFiber(t *testing.T)  { onEveryRedis(t, fiberAdapter) }
func TestFiber3(t *testing.T) { onEveryRedis(t, fiber3Adapter) }
func TestGin(t *testing.T)    { onEveryRedis(t, ginAdapter) }
func TestHTTP(t *testing.T)   { onEveryRedis(t, httpAdapter) }

// onEveryRedis runs the suite on miniredis and on a real Redis. Without the tag testall it takes only the real one, if
// there is one: Lua in miniredis takes most of the time of make test.
func onEveryRedis(t *testing.T, a conformance.Adapter) {
	t.Helper()
	t.Parallel()
	a = asked.witnessed(a)
	if everyRedis || realURL == "" {
		t.Run("miniredis", func(t *testing.T) {
			t.Parallel()
			conformance.Run(t, a, conformance.Miniredis())
		})
	}
	t.Run("redis", func(t *testing.T) {
		t.Parallel()
		if realURL == "" {
			t.Skip(redistest.ErrUnavailable)
		}
		conformance.Run(t, a, conformance.Server(realURL))
	})
}
