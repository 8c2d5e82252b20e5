package docs

// The pages use it, and nothing else here does.
import _ "github.com/redis/go-redis/extra/redisotel/v9"
