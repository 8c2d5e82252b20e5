package main

import (
	"errors"
	"flag"
	"io"
	"slices"
	"testing"
	"time"
)

func TestFlags(t *testing.T) {
	t.Parallel()
	full, err := parse(nil, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	quick, err := parse([]string{"-quick"}, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	if !quick.quick || quick.suite.Window >= full.suite.Window || quick.suite.Rounds >= full.suite.Rounds {
		t.Errorf("quick is %+v, full %+v", quick.suite, full.suite)
	}
	o, err := parse([]string{"-rounds=7", "-window=1s", "-sessions=10000"}, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	if o.suite.Rounds != 7 || o.suite.Window != time.Second || slices.Max(o.suite.GrowSessions) != 10_000 {
		t.Errorf("got %+v", o.suite)
	}
	if _, err := parse([]string{"-h"}, io.Discard); !errors.Is(err, flag.ErrHelp) {
		t.Errorf("-h: %v", err)
	}
}
