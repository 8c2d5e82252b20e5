package main

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/berthgo/berth/conformance/faults/internal/history"
	"github.com/berthgo/berth/conformance/faults/internal/run"
	"github.com/berthgo/berth/core/redistest"
)

// asCommand is the variable with which this program is the command, and not a test.
const asCommand = "BERTH_FAULTS_COMMAND"

// Ctrl-C and SIGTERM end the command in the middle of a run. Its status is not that of success, and no folder
// stays.
func TestSignals(t *testing.T) {
	t.Parallel()
	redistest.NeedServer(t)
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for _, signal := range []os.Signal{os.Interrupt, syscall.SIGTERM} {
		t.Run(signal.String(), func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			cmd := exec.CommandContext(t.Context(), program, "-runs", "100", "-seed", "7", "-parallel", "1", "-v")
			cmd.Env = append(os.Environ(), asCommand+"=1", "TMPDIR="+dir)
			var said bytes.Buffer
			cmd.Stdout, cmd.Stderr = &said, &said
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
				if started, _ := filepath.Glob(filepath.Join(dir, "faults-*", "*")); len(started) > 0 {
					break
				}
			}
			if err := cmd.Process.Signal(signal); err != nil {
				t.Fatal(err)
			}
			failed := (*exec.ExitError)(nil)
			if err := cmd.Wait(); !errors.As(err, &failed) || failed.ExitCode() != 1 {
				t.Errorf("it ended with %v, want status 1", err)
			}
			if !strings.Contains(said.String(), errInterrupted.Error()) {
				t.Errorf("it does not say that it was interrupted:\n%s", said.String())
			}
			left, err := os.ReadDir(dir)
			if err != nil || len(left) > 0 {
				t.Errorf("%v is left, %v", left, err)
			}
		})
	}
}

// Runs that were not checked are neither without a fault, nor enough.
func TestUnchecked(t *testing.T) {
	t.Parallel()
	total := newTotal(1, "")
	total.add(&run.Result{Unready: true})
	total.add(&run.Result{Lost: true, Faults: map[string]int{"failover": 1}})
	if total.calm != 0 || total.checked() != 0 {
		t.Errorf("%d runs are without a fault, and %d are checked, want 0 and 0", total.calm, total.checked())
	}
	total.add(&run.Result{})
	if total.calm != 1 || total.checked() != 1 {
		t.Errorf("%d runs are without a fault, and %d are checked, want 1 and 1", total.calm, total.checked())
	}
	var out bytes.Buffer
	if ok, err := drive(t.Context(), []string{"-for", "1ns"}, &out); ok || !errors.Is(err, errUnchecked) {
		t.Errorf("without a run: %t, %v, want %v", ok, err, errUnchecked)
	}
}

// A violation comes with the command that makes its run again.
func TestAgain(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	newTotal(1, "make it SEED=").tell(&out, &run.Result{Seed: 17, Violations: []history.Violation{{Check: "twice"}}})
	if !strings.Contains(out.String(), "again: make it SEED=17\n") {
		t.Errorf("no command in:\n%s", out.String())
	}
}
