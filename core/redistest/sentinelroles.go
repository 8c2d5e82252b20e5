package redistest

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
)

// Master is the node that a running sentinel names as the master. After a fault, it may be the old
// master until [Sentinel.WaitReady] has returned.
func (s *Sentinel) Master(ctx context.Context) (*Server, error) {
	errs := []error{errors.New("redistest: no sentinel tells who the master is")}
	for _, w := range s.sentinels {
		if !w.up() {
			continue
		}
		addr, err := w.ask(ctx, "SENTINEL", "GET-MASTER-ADDR-BY-NAME", masterName)
		if err == nil && len(addr) == 2 {
			return at(s.nodes, addr[1])
		}
		errs = append(errs, err)
	}
	return nil, errors.Join(errs...)
}

// Failover has the sentinels replace a healthy master by a replica. It returns the new master when
// all is ready again. Writes that the replica has not got yet are lost.
func (s *Sentinel) Failover(ctx context.Context) (*Server, error) {
	old, err := s.Master(ctx)
	if err != nil {
		return nil, err
	}
	var asked time.Time
	err = s.fleet.wait(ctx, "no failover", func(ctx context.Context) error {
		now, err := s.Master(ctx)
		if err != nil || now != old {
			return err
		}
		if time.Since(asked) > 2*failoverTimeout {
			if err := s.order(ctx, "SENTINEL", "FAILOVER", masterName); err != nil {
				return err
			}
			asked = time.Now()
		}
		return fmt.Errorf("%s is still the master", old.Addr())
	})
	if err != nil {
		return nil, err
	}
	if err := s.WaitReady(ctx); err != nil {
		return nil, err
	}
	return s.Master(ctx)
}

// order sends a command to the first running sentinel.
func (s *Sentinel) order(ctx context.Context, args ...string) error {
	for _, w := range s.sentinels {
		if w.up() {
			_, err := w.ask(ctx, args...)
			return err
		}
	}
	return errors.New("no sentinel is running")
}

// WaitReady waits until the running sentinels know each other and name the same running node as the
// master, and until all other running nodes are its replicas, in sync.
//
// After a Kill or a Pause of the master, it waits until another node has taken its place. After
// Restart and Resume, it waits until the node is a replica. It waits 30 s at most. An error holds
// the end of the servers' logs.
func (s *Sentinel) WaitReady(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, waitTimeout) // for all steps
	defer cancel()
	steps := []struct {
		hello time.Duration
		what  string
		done  func(context.Context) error
	}{
		{helloInFailover, "the sentinels do not agree on a master", s.agreed},
		{helloOtherwise, "the sentinels are not ready", s.settled},
		{helloInFailover, "the sentinels were ready", s.agreed},
	}
	for _, step := range steps {
		err := s.fleet.wait(ctx, step.what, func(ctx context.Context) error {
			if err := s.tune(ctx, step.hello); err != nil {
				return err
			}
			return step.done(ctx)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// tune sets short periods in the running sentinels. A sentinel that was restarted has forgotten them. Redis 6
// does not know the command: its sentinels keep their periods.
func (s *Sentinel) tune(ctx context.Context, hello time.Duration) error {
	for _, w := range s.sentinels {
		if !w.up() {
			continue
		}
		_, err := w.ask(ctx, "SENTINEL", "DEBUG",
			"INFO-PERIOD", millis(infoPeriod),
			"PING-PERIOD", millis(pingPeriod),
			"PUBLISH-PERIOD", millis(hello),
			"TILT-PERIOD", millis(tiltPeriod))
		if err != nil && !strings.Contains(err.Error(), "Unknown sentinel subcommand") {
			return err
		}
	}
	return nil
}
