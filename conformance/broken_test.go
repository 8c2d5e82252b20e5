package conformance_test

import (
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/berthgo/berth/conformance"
)

// broken are the faults that the suite must find. For each there is the case that finds it.
var broken = []struct {
	fault    fault
	caughtBy string
	adapter  conformance.Adapter // one of net/http by default
}{
	{fault: commitsAfterFirstByte, caughtBy: "life/CreateReadChange"},
	{fault: flushPassesCommit, caughtBy: "streaming/FlushBeforeTheFirstWrite"},
	{fault: readFromPassesCommit, caughtBy: "body/ReadFrom"},
	{fault: hijackPassesCommit, caughtBy: "streaming/HijackedSocket"},
	{fault: commitsAtEarlyHints, caughtBy: "streaming/EarlyHints"},
	{fault: locksWhileStreaming, caughtBy: "streaming/EventStream"},
	{fault: writesAfterErrorPage, caughtBy: "failure/RedisGoneAtCommit"},
	{fault: readsAfterErrorPage, caughtBy: "failure/NothingIsReadFrom"},
	{fault: hijacksAfterErrorPage, caughtBy: "failure/NothingIsHijacked"},
	{fault: keepsHeaders, caughtBy: "failure/NothingOfTheHandlerIsLeft"},
	{fault: locksAfterFailedCommit, caughtBy: "failure/SessionIsFreeAtOnce"},
	{fault: ignoresFailedCommit, caughtBy: "failure/RedisGoneAtCommit"},
	{fault: commitsOnRequest, caughtBy: "handler/ClientGoneEndsTheRequest"},
	{fault: locksAfterPanic, caughtBy: "handler/Panic"},
	{fault: savesAfterPanic, caughtBy: "handler/Panic"},
	{fault: swallowsPanic, caughtBy: "handler/Panic"},
	{fault: dropsAfterError, caughtBy: "handler/ReturnedErrorIsAResponse"},
	{fault: emptyWhenRedisFails, caughtBy: "failure/RedisGoneAtBegin"},
	{fault: emptyWhenLocked, caughtBy: "concurrency/LockTimeoutIs503"},
	{fault: adoptsUnknownID, caughtBy: "hostile/UnknownIDIsNotAdopted"},
	{fault: cookieAlways, caughtBy: "cookie/SetOnlyWhenItChanges"},
	{fault: savesUntouched, caughtBy: "life/UntouchedIsNotSaved"},
	{fault: cacheableCookie, caughtBy: "cookie/CachingHeaders"},
	{fault: neverSecure, caughtBy: "cookie/SecureOverTLS"},
	{fault: ignoresAccess, caughtBy: "concurrency/ReadersAreNotBlocked"},
	{fault: oneMoreTrip, caughtBy: "roundtrips/Counted"},
	{fault: noSessionInContext, caughtBy: "handler/ContextCarriesTheSession"},
	{fault: fromReturnsEmpty, caughtBy: "handler/FromWithoutMiddlewarePanics"},
	{fault: hidesWriter, caughtBy: "body/ResponseController"},
	{fault: deletesUnknownCookie, caughtBy: "identity/RotatedCookieIsDetached"},
	{fault: keepsOldCookie, caughtBy: "identity/HandleStaysAndTheCookieDoesNot"},
	{fault: forgetsRollback, caughtBy: "identity/AbandonAfterTheFirstByte"},
	{fault: firstCookieOnly, caughtBy: "hostile/DuplicateCookies"},
	{fault: noRetryAfter, caughtBy: "failure/RedisGoneAtBegin"},
	{fault: ignoresErrorHandler, caughtBy: "failure/ErrorHandler"},
	{fault: wantsSaveCall, caughtBy: "life/SavedWithoutACall"},
	{fault: forgetsRequest, caughtBy: "failure/LogNamesTheRequest"},
	{fault: forgetsVary, caughtBy: "cookie/VaryOfErrors"},
	{fault: keepsCDNHeaders, caughtBy: "cookie/CachingHeaders"},
	{fault: ignoresInner, caughtBy: "access/InnerMiddlewareChangesIt"},
	{fault: answersForRollback, caughtBy: "failure/RollbackLeavesTheAnswerAlone"},
	{fault: losesCookieSilently, caughtBy: "streaming/HandshakeWithHeadersOfItsOwn"},
	{fault: forgetsReaders, caughtBy: "cookie/MaxAgeIsSentAgain"},
	{fault: ignoresRule, caughtBy: "access/ByRule"},
	{fault: ignoresInnerRule, caughtBy: "access/InnerMiddlewareByRule"},
	{fault: asksRuleTwice, caughtBy: "access/RuleSeesTheRequest"},
	{fault: letsEverybodyIn, caughtBy: "required/NobodyIsRefused"},
	{fault: letsInnerIn, caughtBy: "required/NobodyIsRefused"},
	{fault: cacheableRefusal, caughtBy: "required/NobodyIsRefused"},
	{fault: refusesEverybody, caughtBy: "required/SignedInPasses"},
	{fault: forgetsUserVary, caughtBy: "required/SignedInPasses"},
	{fault: ignoresAge, caughtBy: "required/OldSignIn"},
	{fault: outageIsNobody, caughtBy: "required/RedisGoneSilently"},
	{fault: rotatedIsNobody, caughtBy: "required/RotatedCookie"},
	{fault: endedIsTriedAgain, caughtBy: "required/LoggedOutCookie"},
	{fault: noneIsNobody, caughtBy: "required/NoneIsAMistake"},
	{fault: locksWhileRefusing, caughtBy: "required/SessionIsFreeWhileRefused"},
	{fault: dropsWhenRefusing, caughtBy: "required/ChangesBeforeARefusal"},
	{fault: forgetsDueCookie, caughtBy: "required/CookieThatIsDue"},
	{fault: looksForUser, caughtBy: "required/InnerMiddlewareChangesAccess"},
	{fault: echoTrustsBeforeHook, caughtBy: "streaming/FlushBeforeTheFirstWrite", adapter: conformance.Adapter{Serve: echoWithBeforeHook, Lacks: echoAdapter.Lacks}},
	{fault: ginForgetsHeaderNow, caughtBy: "handler/ReturnedErrorIsAResponse", adapter: conformance.Adapter{Serve: ginWithoutHeaderNow, Lacks: ginAdapter.Lacks}},
	{fault: ginCommitsLast, caughtBy: "life/CreateReadChange", adapter: conformance.Adapter{Serve: ginWithoutWriter, Lacks: ginAdapter.Lacks}},
	{fault: fiberForgetsPanics, caughtBy: "handler/Panic", adapter: conformance.Adapter{Serve: fiberWithoutDefer, Lacks: fiberAdapter.Lacks}},
	{fault: fiberTrustsRewritten, caughtBy: "hostile/NamelessCookie", adapter: conformance.Adapter{Serve: fiberWithPeek, Lacks: fiberAdapter.Lacks}},
	{fault: fiberKeepsBuffers, caughtBy: "handler/SessionOutlivesItsRequest", adapter: conformance.Adapter{Serve: fiberWithoutClone, Lacks: fiberAdapter.Lacks}},
	{fault: echo5TrustsBeforeHook, caughtBy: "streaming/FlushBeforeTheFirstWrite", adapter: conformance.Adapter{Serve: echo5WithBeforeHook, Lacks: echo5Adapter.Lacks}},
	{fault: fiber3ForgetsPanics, caughtBy: "handler/Panic", adapter: conformance.Adapter{Serve: fiber3ByHand{carries: true}.serve, Lacks: fiber3Adapter.Lacks}},
	{fault: fiber3TrustsRewritten, caughtBy: "hostile/NamelessCookie", adapter: conformance.Adapter{Serve: fiber3ByHand{carries: true, defers: true}.serve, Lacks: fiber3Adapter.Lacks}},
	{fault: fiber3KeepsBuffers, caughtBy: "handler/SessionOutlivesItsRequest", adapter: conformance.Adapter{Serve: fiber3ByHand{carries: true, defers: true, keeps: true}.serve, Lacks: fiber3Adapter.Lacks}},
	{fault: fiber3ForgetsLocals, caughtBy: "handler/ContextCarriesTheSession", adapter: conformance.Adapter{Serve: fiber3ByHand{defers: true}.serve, Lacks: fiber3Adapter.Lacks}},
}

// The suite must fail an adapter that is broken. In make test, each fault meets the case that is there
// to find it; in make test-all, the topic of that case; in make broken, the whole suite.
func TestBrokenAdapters(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("it runs the suite for every fault")
	}
	for _, b := range broken {
		t.Run(strings.ReplaceAll(string(b.fault), " ", "_"), func(t *testing.T) {
			t.Parallel()
			a := b.adapter
			if a.Serve == nil {
				a.Serve = serveFaulty(b.fault)
			}
			wanted := func(name string) bool { return meets(name, b.caughtBy) }
			failed := conformance.Failures(t.Context(), a, conformance.Miniredis(), 3*time.Second, wanted)
			names := slices.Sorted(maps.Keys(failed))
			t.Logf("caught by %s", strings.Join(names, ", "))
			if !slices.Contains(names, b.caughtBy) {
				t.Errorf("%s did not catch it", b.caughtBy)
			}
		})
	}
}

// TestFaultless shows that the same adapter passes without a fault. So the broken ones fail because
// of their faults.
func TestFaultless(t *testing.T) {
	t.Parallel()
	conformance.Run(t, conformance.Adapter{Name: "faultless", Serve: serveFaulty(none)}, conformance.Miniredis())
}
