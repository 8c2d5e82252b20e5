// Package companion reads the companion of a session, as a program does that knows nothing of berth.
package companion

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"regexp"

	"github.com/redis/go-redis/v9"
)

var form = regexp.MustCompile(`^([a-z2-7]{26})\.[a-z2-7]{26}$`)

// Read returns the companion of the session whose cookie a client has sent, or "" if that
// client has no such session.
func Read(ctx context.Context, client redis.Cmdable, cookie string) (string, error) {
	match := form.FindStringSubmatch(cookie)
	if match == nil {
		return "", nil
	}
	handle := match[1]
	found, err := client.MGet(ctx, handle, "{"+handle+"}_Proof").Result()
	if err != nil {
		return "", err
	}
	value, _ := found[0].(string)
	proof, _ := found[1].(string)
	sum := sha256.Sum256([]byte(cookie))
	if subtle.ConstantTimeCompare([]byte(proof), []byte(hex.EncodeToString(sum[:16]))) != 1 {
		return "", nil
	}
	return value, nil
}
