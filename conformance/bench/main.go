// Command bench measures berth beside other session libraries for Go, and beside what
// none of them can do without: one run, one Redis, the same payload and the same load for
// all, in turns. It prints tables and, asked to, writes docs/benchmarks.md, where it is
// explained what each figure means.
//
//	make bench
//	make bench BENCHARGS=-quick
//
// It is a module of its own, so that the other libraries stay out of everyone else's
// go.sum.
package main

import (
	"context"
	"errors"
	"flag"
	"log"
	"os"
	"os/signal"

	"github.com/berthgo/berth/conformance/bench/internal/figure"
	"github.com/berthgo/berth/conformance/bench/internal/report"
	"github.com/berthgo/berth/conformance/bench/internal/suite"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if suite.Child(ctx) {
		return
	}
	if err := run(ctx, os.Args[1:]); err != nil && !errors.Is(err, flag.ErrHelp) {
		log.Fatal(err)
	}
}

func run(ctx context.Context, args []string) error {
	o, err := parse(args, os.Stderr)
	if err != nil {
		return err
	}
	var r figure.Results
	if o.from != "" {
		r, err = report.ReadJSON(o.from)
	} else {
		r, err = suite.Run(ctx, o.suite)
		r.Setting.Quick = o.quick
	}
	if err != nil {
		return err
	}
	report.Print(os.Stdout, r)
	log.Printf("noise: from round to round, rates vary by %.0f %% of their median", 100*r.Noise())
	if o.json != "" {
		if err := report.WriteJSON(o.json, r); err != nil {
			return err
		}
	}
	switch {
	case o.docs == "":
		return nil
	case r.Setting.Quick:
		log.Printf("%s stays as it is: a quick run is too rough for it", o.docs)
		return nil
	}
	return report.WriteDocs(o.docs, r)
}
