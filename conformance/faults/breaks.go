package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/berthgo/berth/conformance/faults/internal/breaks"
	"github.com/berthgo/berth/conformance/faults/internal/run"
)

// findBreaks builds berth with each break whose name has the text only in it, and makes runs until one of
// them finds it. It is false if a break was not found in time.
func findBreaks(ctx context.Context, root, only string, seed uint64, parallel int, verbose bool, out io.Writer) (ok bool, err error) {
	if root, err = filepath.Abs(root); err != nil {
		return false, err
	}
	dir, err := os.MkdirTemp("", "faults-")
	if err != nil {
		return false, err
	}
	defer os.RemoveAll(dir)
	ok = true
	fmt.Fprintf(out, "%-48s %-28s %5s %7s %6s\n", "break", "found by", "run", "allowed", "took")
	for _, b := range breaks.Table {
		if !strings.Contains(b.Name, only) {
			continue
		}
		if ctx.Err() != nil {
			return false, errInterrupted
		}
		program, err := b.Build(ctx, root, dir)
		if err != nil {
			fmt.Fprintf(out, "%s: %v\n", b.Name, err)
			ok = false
			continue
		}
		started := time.Now()
		result, runs, err := firstViolation(ctx, program, seed, b.Within, parallel)
		if err != nil {
			return false, fmt.Errorf("%q: %w", b.Name, err)
		}
		if ctx.Err() != nil {
			return false, errInterrupted
		}
		by := "nothing"
		if result != nil {
			var checks []string
			for _, v := range result.Violations {
				checks = append(checks, v.Check)
			}
			slices.Sort(checks)
			by = strings.Join(slices.Compact(checks), ", ")
		}
		ok = ok && result != nil
		fmt.Fprintf(out, "%-48s %-28s %5d %7d %6v\n", b.Name, by, runs, b.Within, time.Since(started).Round(time.Second))
		if result != nil && verbose {
			newTotal(seed, fmt.Sprintf(".bin/faults -breaks -v -parallel 1 -break %q -seed ", b.Name)).tell(out, result)
		}
		if err := os.RemoveAll(filepath.Dir(program)); err != nil {
			return false, err
		}
	}
	return ok, nil
}

// firstViolation makes runs of a program until one has a violation, and returns that one with the number of
// runs that it took; nil if there was none. A run that does not come to its end finds something too.
func firstViolation(ctx context.Context, program string, seed uint64, within, parallel int) (*run.Result, int, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var mu sync.Mutex
	var found *run.Result
	var failed error
	next, runs := 0, 0
	var going sync.WaitGroup
	for range parallel {
		going.Go(func() {
			for {
				mu.Lock()
				if next == within || found != nil || ctx.Err() != nil {
					mu.Unlock()
					return
				}
				next++
				mine := seed + uint64(next-1)
				mu.Unlock()
				result, err := run.Run(ctx, run.Setting{Program: program, Place: "one server"}, mine)
				mu.Lock()
				switch {
				case ctx.Err() != nil:
				case err != nil:
					failed = err
					cancel()
				default:
					runs++
					if len(result.Violations) > 0 && found == nil {
						found = result
						cancel()
					}
				}
				mu.Unlock()
			}
		})
	}
	going.Wait()
	return found, runs, failed
}
