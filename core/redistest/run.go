package redistest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"time"
)

const (
	startTimeout  = 30 * time.Second
	waitTimeout   = 30 * time.Second
	pollFirst     = 2 * time.Millisecond
	pollAtMost    = 50 * time.Millisecond
	logTailLength = 2000
)

var errPortTaken = errors.New("redistest: the port is taken")

// run starts the process and waits until it is ready. If run fails, it leaves no process behind.
func (s *Server) run(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()

	// A file, and not our own output: "go test" would wait for a server that has our output and
	// outlives a crashed test.
	log, err := os.OpenFile(s.opts.logPath(s.port), os.O_CREATE|os.O_APPEND|os.O_RDWR, 0o600)
	if err != nil {
		return fmt.Errorf("redistest: %w", err)
	}
	defer log.Close()
	logStart, err := log.Seek(0, io.SeekEnd)
	if err != nil {
		return fmt.Errorf("redistest: %w", err)
	}

	cmd := exec.Command(s.opts.Path, s.opts.commandLine(s.port)...) //nolint:gosec // the program is the one that the test names
	cmd.Dir = s.opts.Dir
	cmd.Stdout, cmd.Stderr = log, log
	p, err := launch(cmd)
	if err != nil {
		return fmt.Errorf("redistest: %w", err)
	}
	s.proc, s.paused = p, false

	poll := time.NewTimer(0)
	defer poll.Stop()
	notReady := errors.New("not tried yet")
	for wait := pollFirst; ; wait = min(2*wait, pollAtMost) {
		select {
		case <-p.exited:
			return startError(errors.New("redis-server ended at once"), log, logStart)
		case <-ctx.Done():
			err := fmt.Errorf("redis-server at %s is not ready: %w (%w)", s.Addr(), notReady, ctx.Err())
			return startError(errors.Join(err, p.kill()), log, logStart)
		case <-poll.C:
		}
		if notReady = s.probe(ctx, p.Pid); notReady == nil {
			return nil
		}
		poll.Reset(wait)
	}
}

// startError adds the end of the server's log to err. It makes a taken port, and a server without
// TLS, errors of their own.
func startError(err error, log io.ReaderAt, from int64) error {
	const atMost = 1 << 20
	said, readErr := io.ReadAll(io.NewSectionReader(log, from, atMost))
	if readErr != nil {
		return errors.Join(err, readErr)
	}
	text := string(said)
	if strings.Contains(text, "Address already in use") {
		err = errors.Join(errPortTaken, err)
	}
	if strings.Contains(text, "Bad directive") && strings.Contains(text, "tls-") {
		err = errors.Join(ErrNoTLS, err)
	}
	return fmt.Errorf("redistest: %w; its log ends:\n%s", err, text[max(0, len(text)-logTailLength):])
}
