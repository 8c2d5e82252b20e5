package moving

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/berthgo/berth/core/session"
)

const (
	hold = 10 * time.Second      // how long a request that moves a session may take, before another one tries
	keep = time.Minute           // how long other requests find where the session has gone
	poll = 20 * time.Millisecond // how often they look
)

//go:embed giveup.lua
var giveUpSource string

var giveUp = redis.NewScript(giveUpSource)

//go:embed publish.lua
var publishSource string

var publish = redis.NewScript(publishSource)

// handover is what Redis has of one move, under a key that the old cookie names. While a request moves the
// session, it is that request's token; then it is the new cookie, encrypted with the old one.
type handover struct {
	client redis.UniversalClient
	key    string
	token  string
	aead   cipher.AEAD
}

// newHandover returns that of an old cookie, which nobody can tell from what is in Redis.
func newHandover(m *session.Manager, old string) *handover {
	derive := func(purpose string) []byte {
		key, err := hkdf.Key(sha256.New, []byte(old), nil, purpose, 32)
		if err != nil {
			panic(err) // only for keys that are too long
		}
		return key
	}
	block, err := aes.NewCipher(derive("berth: a moved session"))
	if err != nil {
		panic(err) // only for keys of another length
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		panic(err) // only for other ciphers
	}
	return &handover{
		client: m.Client(), token: "?" + rand.Text(), aead: aead,
		key: m.Adapter().Key("Moved", hex.EncodeToString(derive("berth: the key of a moved session"))),
	}
}

// await claims the move for this request, or returns the cookie that another one has made. It waits for that
// one, until it has moved the session, has given up, or has taken longer than hold, or until ctx ends.
func (h *handover) await(ctx context.Context) (line string, claimed bool, err error) {
	for {
		claimed, err := h.client.SetNX(ctx, h.key, h.token, hold).Result()
		if err != nil || claimed {
			return "", claimed, failed(err)
		}
		found, err := h.client.Get(ctx, h.key).Result()
		switch {
		case errors.Is(err, redis.Nil):
			continue // it has given up
		case err != nil:
			return "", false, failed(err)
		case !strings.HasPrefix(found, "?"):
			plain, err := h.aead.Open(nil, nil, []byte(strings.TrimPrefix(found, "=")), nil)
			return string(plain), false, failed(err)
		}
		select {
		case <-ctx.Done():
			return "", false, ctx.Err()
		case <-time.After(poll):
		}
	}
}

// errLate says that a move has taken longer than hold, so that another request has moved the session.
var errLate = errors.New("moving: another request has moved the session")

// publish tells other requests of the new cookie. The error is errLate if one of them may have moved the
// session.
func (h *handover) publish(ctx context.Context, line string) error {
	sealed := string(h.aead.Seal([]byte("="), nil, []byte(line), nil)) //nolint:gosec // there is no nonce here: the cipher makes one
	claim := h.token
	h.token = sealed
	told, err := publish.Run(ctx, h.client, []string{h.key}, claim, sealed, keep.Milliseconds()).Int()
	if err == nil && told == 0 {
		err = errLate
	}
	return err
}

// giveUp lets another request try. If Redis cannot be reached, the claim ends by itself.
func (h *handover) giveUp(ctx context.Context) {
	_ = giveUp.Run(ctx, h.client, []string{h.key}, h.token).Err()
}

// failed returns an error as one of Redis.
func failed(err error) error {
	if err == nil {
		return nil
	}
	return &session.OpError{Op: "move", Err: err}
}

// idIn returns the session ID in a Set-Cookie.
func idIn(line string) string {
	cookie, err := http.ParseSetCookie(line)
	if err != nil {
		return ""
	}
	return cookie.Value
}
