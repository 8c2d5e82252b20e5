package conformance_test

const root = "github.com/berthgo/berth/"

const (
	goRedis   = "github.com/redis/go-redis/v9"
	miniredis = "github.com/alicebob/miniredis/v2"
)

// rig is what core's tests stand on, and so part of them.
const rig = "core/internal/rig"

// mini and sessiontest bring miniredis. Applications import sessiontest in their tests.
const (
	mini        = "core/internal/mini"
	sessiontest = "core/sessiontest"
)

// apart are modules in the folder of the conformance suite that are no part of it.
var apart = []string{"conformance/bench", "conformance/docs", "conformance/faults", "conformance/release", "conformance/stores"}

// gorillastore is what gincontribstore stands on.
const gorillastore = "adapters/gorillastore"

// frameworks says what each adapter may import besides core: its framework, or what it tells of sessions.
var frameworks = map[string][]string{
	"adapters/chisession":      {"github.com/go-chi/chi/v5"},
	"adapters/echo5session":    {"github.com/labstack/echo/v5"},
	"adapters/echosession":     {"github.com/labstack/echo/v4"},
	"adapters/fiber3session":   {"github.com/gofiber/fiber/v3", "github.com/valyala/fasthttp"},
	"adapters/fibersession":    {"github.com/gofiber/fiber/v2", "github.com/valyala/fasthttp"},
	"adapters/gincontribstore": {"github.com/gin-contrib/sessions", gorillastore},
	"adapters/ginsession":      {"github.com/gin-gonic/gin"},
	gorillastore:               {"github.com/gorilla/sessions", "github.com/gorilla/securecookie"},
	"adapters/otelsession": {
		"go.opentelemetry.io/otel", "go.opentelemetry.io/otel/attribute", "go.opentelemetry.io/otel/codes",
		"go.opentelemetry.io/otel/metric", "go.opentelemetry.io/otel/trace",
	},
	"adapters/promsession": {"github.com/prometheus/client_golang"},
}

// rooms says what each package of core may import besides the standard library. A package that
// is not here has no place yet.
var rooms = map[string][]string{
	"core/session": {
		goRedis, "core/connect", "core/internal/companion", "core/internal/cookie", "core/internal/credential",
		"core/internal/draft", "core/internal/explain", "core/internal/failures", "core/internal/observers",
		"core/internal/ends", "core/internal/lease", "core/internal/principal", "core/internal/retry", "core/internal/route",
		"core/internal/store", "core/internal/tasks", "core/internal/values", "core/internal/wake", "core/internal/watch",
	},
	"core/httpsession": {"core/session"},
	"core/buffered":    {"core/internal/cookie", "core/session"},
	"core/moving":      {goRedis, "core/httpsession", "core/session"},
	"core/inspect":     {"core/session"},

	"core/cmd/berthctl": {goRedis, "core/connect", "core/internal/credential", "core/internal/explain", "core/internal/store", "core/session"},

	"core/connect": {goRedis},

	"core/internal/principal": {"core/internal/companion", "core/internal/ends", "core/internal/retry", "core/internal/store", "core/internal/tasks"},
	"core/internal/ends":      {goRedis, "core/internal/companion", "core/internal/retry", "core/internal/store", "core/internal/subscription", "core/internal/tasks"},
	"core/internal/companion": {goRedis, "core/internal/retry", "core/internal/store", "core/internal/tasks"},
	"core/internal/lease":     {"core/internal/gate", "core/internal/retry", "core/internal/store", "core/internal/tasks", "core/internal/wake"},
	"core/internal/watch":     {goRedis, "core/internal/retry", "core/internal/store", "core/internal/subscription", "core/internal/tasks"},

	"core/internal/tasks":        {"core/internal/retry"},
	"core/internal/wake":         {goRedis, "core/internal/subscription"},
	"core/internal/subscription": {goRedis, "core/internal/retry"},
	"core/internal/store":        {goRedis},
	"core/internal/retry":        {goRedis},
	"core/internal/route":        {},
	"core/internal/cookie":       {"core/internal/credential"},
	"core/internal/credential":   {},
	"core/internal/draft":        {"core/internal/store"},
	"core/internal/explain":      {goRedis, "core/connect"},
	"core/internal/observers":    {},
	"core/internal/failures":     {},
	"core/internal/gate":         {},
	"core/internal/values":       {},
	"core/redistest":             {},

	sessiontest: {goRedis, mini, "core/internal/store", "core/session"},
	mini:        {miniredis},

	"core/internal/ends/endtest": {}, // tests alone
}

// coreBrings is all that an application downloads for core, indirectly too.
var coreBrings = []string{
	goRedis,
	"github.com/cespare/xxhash/v2",
	"go.uber.org/atomic",
	"golang.org/x/sys",
}
