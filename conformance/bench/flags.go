package main

import (
	"flag"
	"io"
	"log"
	"slices"
	"time"

	"github.com/berthgo/berth/conformance/bench/internal/suite"
)

// options are what the command line says.
type options struct {
	suite suite.Config
	quick bool
	docs  string
	json  string
	from  string
}

// parse returns [flag.ErrHelp] if the flags were asked for.
func parse(args []string, out io.Writer) (options, error) {
	var (
		o        options
		rounds   int
		window   time.Duration
		sessions int
	)
	f := flag.NewFlagSet("bench", flag.ContinueOnError)
	f.SetOutput(out)
	f.BoolVar(&o.quick, "quick", false, "take two minutes, not twelve: few and short rounds, too few for the page")
	f.StringVar(&o.docs, "docs", "", "write the page, its picture and its data into this `folder`; not with -quick")
	f.StringVar(&o.json, "json", "", "write all figures to this `file`")
	f.StringVar(&o.from, "from", "", "measure nothing, but show what is in this `file`, which -json or -docs has written")
	f.IntVar(&rounds, "rounds", 0, "how often each target has its turn (default 5, quick 3)")
	f.DurationVar(&window, "window", 0, "how long a turn takes (default 700ms, quick 150ms)")
	f.IntVar(&sessions, "sessions", 0, "the most sessions of each target in Redis; a million take about 5 GB in all (default 1000000, quick 100000)")
	if err := f.Parse(args); err != nil {
		return o, err
	}
	o.suite = suite.Full()
	if o.quick {
		o.suite = suite.Quick()
	}
	if rounds > 0 {
		o.suite.Rounds, o.suite.GrowthRounds = rounds, rounds
	}
	if window > 0 {
		o.suite.Window = window
	}
	if sessions > 0 {
		o.suite.GrowSessions = slices.DeleteFunc(o.suite.GrowSessions, func(n int) bool { return n > sessions })
	}
	o.suite.Log = log.Printf
	return o, nil
}
