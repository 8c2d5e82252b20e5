// Command berthctl looks at the sessions of an application from a terminal, ends them, and tells what a Redis
// lacks. [docs/berthctl.md] shows it.
//
// Exit codes: 0 done; 1 Redis failed, or doctor found what berth cannot do without; 2 wrong arguments or
// configuration; 3 no such session or end; 4 not confirmed.
//
// [docs/berthctl.md]: https://github.com/berthgo/berth/blob/HEAD/docs/berthctl.md
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/redis/go-redis/v9"

	"github.com/berthgo/berth/core/session"
)

// The exit codes.
const (
	exitDone      = 0
	exitFailed    = 1
	exitUsage     = 2
	exitUnknown   = 3
	exitUnwilling = 4
)

// program is one run of berthctl.
type program struct {
	in       io.Reader
	out, err io.Writer
	env      func(name string) (string, bool)
	asks     bool // somebody is at the terminal
	shows    bool // progress is seen

	settings settings
	json     bool
	yes      bool
}

// command is what can be done.
type command struct {
	name, arg, help string
	run             func(p *program, ctx context.Context, m *session.Manager, arg string) error
}

var commands = []command{
	{"stats", "", "count the sessions, and what is known of their ends", (*program).stats},
	{"ls", "", "list all sessions", (*program).list},
	{"of", "PRINCIPAL", "list the sessions of a user, the oldest sign-in first", (*program).of},
	{"show", "HANDLE", "show one session: times, size, names of its values, who holds it", (*program).show},
	{"end", "HANDLE", "end a session; asks before", (*program).end},
	{"end-all", "PRINCIPAL", "end all sessions of a user; asks before", (*program).endAll},
	{"aside", "", "list the ends that are kept aside, since their handler has failed", (*program).aside},
	{"replay", "HANDLE", "have such an end handed out again", (*program).replay},
	{"drop", "HANDLE", "delete such an end, with the data of its session; asks before", (*program).drop},
	{"doctor", "", "tell what this Redis lacks, and what that costs", nil},
}

var (
	errUsage     = errors.New("see berthctl -h")
	errUnwilling = errors.New("nothing was changed")
	errUnhealthy = errors.New("berth cannot work so")
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	redis.SetLogger(silence{})
	p := &program{in: os.Stdin, out: os.Stdout, err: os.Stderr, env: os.LookupEnv, asks: terminal(os.Stdin), shows: terminal(os.Stderr)}
	code := p.main(ctx, os.Args[1:])
	stop()
	os.Exit(code)
}

// silence keeps go-redis from logging what every command reports anyway.
type silence struct{}

func (silence) Printf(context.Context, string, ...any) {}

// terminal tells whether a file is a terminal, and not the null device.
func terminal(f *os.File) bool {
	info, err := f.Stat()
	if err != nil || info.Mode()&os.ModeCharDevice == 0 {
		return false
	}
	null, err := os.Stat(os.DevNull)
	return err != nil || !os.SameFile(info, null)
}

// main runs a command and returns the exit code.
func (p *program) main(ctx context.Context, args []string) int {
	err := p.run(ctx, args)
	switch {
	case err == nil, errors.Is(err, flag.ErrHelp):
		return exitDone
	case errors.Is(err, errUnhealthy):
		return exitFailed
	}
	fmt.Fprintln(p.err, "berthctl:", strings.TrimPrefix(err.Error(), "session: "))
	switch {
	case errors.Is(err, errUsage):
		return exitUsage
	case errors.Is(err, session.ErrUnknown):
		return exitUnknown
	case errors.Is(err, errUnwilling):
		return exitUnwilling
	}
	return exitFailed
}

func (p *program) run(ctx context.Context, args []string) error {
	words, err := p.parse(args)
	if err != nil {
		return err
	}
	if len(words) == 0 {
		return fmt.Errorf("name a command: %w", errUsage)
	}
	c, err := find(words[0])
	if err != nil {
		return err
	}
	var arg string
	switch {
	case c.arg == "" && len(words) > 1, len(words) > 2:
		return fmt.Errorf("%s has too many arguments: %w", c.name, errUsage)
	case c.arg != "" && (len(words) < 2 || words[1] == ""):
		return fmt.Errorf("%s needs a %s: %w", c.name, c.arg, errUsage)
	case c.arg != "":
		arg = words[1]
	}
	if c.arg == "HANDLE" && strings.Contains(arg, ".") {
		return fmt.Errorf("that is no handle; of a session ID, it is what stands before the dot, and the rest is secret: do not type it: %w", errUsage)
	}
	if c.run == nil {
		return p.doctor(ctx)
	}
	p.settings.Options.Logger = slog.New(slog.DiscardHandler) // the error is printed
	p.settings.Options.TrackEnd = true                        // harmless where ends are not tracked
	m, err := session.Open(p.settings.Config, p.settings.Options)
	if err != nil {
		return fmt.Errorf("%w: %w", err, errUsage)
	}
	err = c.run(p, ctx, m, arg)
	return errors.Join(err, m.Close())
}

func find(name string) (command, error) {
	for _, c := range commands {
		if c.name == name {
			return c, nil
		}
	}
	return command{}, fmt.Errorf("there is no such command: %w", errUsage)
}

// confirm asks whether to do what cannot be undone. An interrupt is a no.
func (p *program) confirm(ctx context.Context, question string) error {
	if p.yes {
		return nil
	}
	if !p.asks {
		return fmt.Errorf("nobody is at the terminal to confirm it: add --yes; %w", errUnwilling)
	}
	fmt.Fprint(p.err, question, " [y/N] ")
	typed := make(chan string, 1)
	go func() { // it ends with the line, or with the program
		line, _ := bufio.NewReader(p.in).ReadString('\n')
		typed <- line
	}()
	select {
	case <-ctx.Done():
		fmt.Fprintln(p.err)
		return errUnwilling
	case line := <-typed:
		if answer := strings.ToLower(strings.TrimSpace(line)); answer != "y" && answer != "yes" {
			return errUnwilling
		}
	}
	return nil
}

// say prints a line, or with --json an object.
func (p *program) say(view any, format string, args ...any) error {
	if p.json {
		return json.NewEncoder(p.out).Encode(view)
	}
	_, err := fmt.Fprintf(p.out, format+"\n", args...)
	return err
}
