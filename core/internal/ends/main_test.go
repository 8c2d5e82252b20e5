package ends_test

import (
	"testing"

	"github.com/berthgo/berth/core/internal/rig"
)

func TestMain(m *testing.M) { rig.Main(m) }
