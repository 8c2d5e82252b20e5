package explain_test

import (
	"testing"

	"github.com/berthgo/berth/core/internal/explain"
)

type said string

func (e said) Error() string { return string(e) }
func (said) RedisError()     {}

// A code is a whole word, at the start, or after a dash before Redis 7.
func TestKindOfAnAnswer(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"BUSY Redis is busy running a script":     "BUSY",
		"BUSYKEY Target key name already exists.": "redis",
		"ASKING x":                 "redis",
		"READONLY You can't write": "READONLY",
		"ERR Error running script (call to f_x): @user_script:1: -READONLY You can't write": "READONLY",
		"ERR anything": "redis",
	} {
		if kind := explain.Kind(said(text)); kind != want {
			t.Errorf("%s: %s, want %s", text, kind, want)
		}
	}
}
