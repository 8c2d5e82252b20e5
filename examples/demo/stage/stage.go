package stage

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/berthgo/berth/core/session"
)

const (
	// sweepTime is how often the demo looks for sessions that have ended. It does not turn notifications on: the
	// Redis may be somebody's.
	sweepTime = time.Second
	// keepTime is how long the data of a session outlive it.
	keepTime = time.Minute
	// patience is how long a patient request waits for Redis.
	patience = 10 * time.Second
)

// Config is what a Stage stands on.
type Config struct {
	App          string
	RetryTimeout time.Duration // of [Stage.Manager]
	Client       *redis.Client
	Switch       *Switch // of Client
	Logger       *slog.Logger
}

// Stage has the sessions of the demo, and who watches them.
type Stage struct {
	Config
	hub *hub

	// Manager has the sessions of all frameworks.
	Manager *session.Manager
	// modes are managers of the same sessions, which meet an outage in other ways.
	modes map[string]*session.Manager
}

// New returns a Stage. Close it.
func New(c Config) (*Stage, error) {
	s := &Stage{Config: c, hub: newHub(), modes: map[string]*session.Manager{}}
	options := session.Options{
		App: c.App, RetryTimeout: c.RetryTimeout, Logger: c.Logger,
		TrackEnd: true, EndSweep: sweepTime, EndRetention: keepTime,
		Hooks: session.Hooks{OnFieldsSet: s.saved},
	}
	var err error
	if s.Manager, err = session.New(c.Client, options); err != nil {
		return nil, err
	}
	options.RetryTimeout = 0
	for mode, change := range map[string]func(){
		"error":  func() {},
		"silent": func() { options.FailSilently = true },
		"retry":  func() { options.RetryTimeout = patience },
	} {
		options.FailSilently, options.RetryTimeout = false, 0
		change()
		if s.modes[mode], err = session.New(c.Client, options); err != nil {
			return nil, errors.Join(err, s.Close())
		}
	}
	c.Switch.onTurn(func(on bool) { s.hub.tell("", "redis", on) })
	return s, nil
}

// Leave has the streams of all pages end, which would go on for ever.
func (s *Stage) Leave() { s.hub.close() }

// Close ends what the Stage has started.
func (s *Stage) Close() error {
	s.Leave()
	s.Switch.stop()
	err := s.Manager.Close()
	for _, m := range s.modes {
		err = errors.Join(err, m.Close())
	}
	return err
}

// saved tells the pages of a session that some of its values have changed, and all pages that somebody has
// signed in: now that it is saved, they find the device.
func (s *Stage) saved(_ context.Context, of *session.Session, keys []string) {
	s.hub.tell(of.Handle(), "saved", keys)
	if slices.Contains(keys, string(device)) {
		s.hub.tell("", "people", nil)
	}
}

// HandleEnds tells all pages of sessions that end, until ctx ends.
func (s *Stage) HandleEnds(ctx context.Context) error {
	err := s.Manager.HandleEnd(ctx, func(_ context.Context, e session.Ended) error {
		s.hub.tell("", "end", endOf(e))
		return nil
	})
	if err != nil && ctx.Err() == nil {
		return fmt.Errorf("ends of sessions are not handled any more: %w", err)
	}
	return nil
}
