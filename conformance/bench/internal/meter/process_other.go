//go:build !unix

package meter

import (
	"errors"
	"time"
)

func processCPU() (time.Duration, error) { return 0, errors.ErrUnsupported }
