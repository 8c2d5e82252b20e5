package main

import (
	"encoding"
	"errors"
	"flag"
	"fmt"
	"io"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/berthgo/berth/core/connect"
	"github.com/berthgo/berth/core/session"
)

// settings are the fields that are read. Their tags name the variables, and so the flags.
type settings struct {
	Config  connect.Config
	Options session.Options
}

// used are the fields of Options that matter here. The others are about requests.
var used = []string{"App", "KeySeparator", "RetryTimeout", "EncryptionKeys"}

// secret fields have no flag, because others on the machine see the arguments of a program.
var secret = []string{"AccessKey", "SentinelPassword", "ClientKey", "EncryptionKeys"}

// field is a field that a variable sets, and mostly a flag too.
type field struct {
	value               reflect.Value
	name, variable, opt string // opt is "" if there is no flag
}

func (s *settings) fields() []field {
	var list []field
	add := func(of any, only []string) {
		v := reflect.ValueOf(of).Elem()
		for i := range v.NumField() {
			f := v.Type().Field(i)
			variable := f.Tag.Get("env")
			if variable == "" || variable == "-" || only != nil && !slices.Contains(only, f.Name) {
				continue
			}
			one := field{value: v.Field(i), name: f.Name, variable: variable}
			if !slices.Contains(secret, f.Name) {
				_, rest, _ := strings.Cut(variable, "_")
				one.opt = strings.ToLower(strings.ReplaceAll(rest, "_", "-"))
			}
			list = append(list, one)
		}
	}
	add(&s.Config, nil)
	add(&s.Options, used)
	return list
}

// set parses a text into the field. Its error does not repeat the text, which may be secret.
func (f field) set(text string) error {
	switch p := f.value.Addr().Interface().(type) {
	case *string:
		*p = text
	case *[]string:
		*p = strings.Split(text, ",")
	case *bool:
		b, err := strconv.ParseBool(text)
		if err != nil {
			return fmt.Errorf("%s must be true or false", f.variable)
		}
		*p = b
	case *int:
		n, err := strconv.Atoi(text)
		if err != nil {
			return fmt.Errorf("%s must be a number", f.variable)
		}
		*p = n
	case *time.Duration:
		d, err := time.ParseDuration(text)
		if err != nil {
			return fmt.Errorf("%s must be a duration, such as 500ms", f.variable)
		}
		*p = d
	case *[]session.EncryptionKey:
		for one := range strings.SplitSeq(text, ",") {
			var key session.EncryptionKey
			if err := encoding.TextUnmarshaler(&key).UnmarshalText([]byte(one)); err != nil {
				return fmt.Errorf("%s: %w", f.variable, err)
			}
			*p = append(*p, key)
		}
	default:
		return fmt.Errorf("%s is of a type that berthctl does not read", f.variable)
	}
	return nil
}

// parse reads the variables, and then the flags, which come before. It returns what is neither.
func (p *program) parse(args []string) (words []string, err error) {
	set := flag.NewFlagSet("berthctl", flag.ContinueOnError)
	set.SetOutput(io.Discard) // main prints the error
	set.BoolVar(&p.json, "json", false, "print JSON; a list is one object a line")
	set.BoolVar(&p.yes, "yes", false, "do not ask before something is ended or dropped")
	for _, f := range p.settings.fields() {
		if text, there := p.env(f.variable); there && text != "" {
			if err := f.set(text); err != nil {
				return nil, fmt.Errorf("%w: %w", err, errUsage)
			}
		}
		if f.opt == "" {
			continue
		}
		help := f.name + " in docs/configuration.md; or " + f.variable
		if _, isBool := f.value.Interface().(bool); isBool {
			set.BoolFunc(f.opt, help, f.set)
			continue
		}
		set.Func(f.opt, help, f.set)
	}
	set.Usage = func() {}
	// Flags may stand anywhere. After "--" there are none: a user may be called "-x".
	var rest []string
	if at := slices.Index(args, "--"); at >= 0 {
		args, rest = args[:at], args[at+1:]
	}
	for {
		if err := set.Parse(args); err != nil {
			if errors.Is(err, flag.ErrHelp) {
				p.usage(set)
				return nil, err
			}
			return nil, fmt.Errorf("%w: %w", err, errUsage)
		}
		if set.NArg() == 0 {
			break
		}
		words, args = append(words, set.Arg(0)), set.Args()[1:]
	}
	words = append(words, rest...)
	if p.settings.Options.App == "" && len(words) > 0 {
		return nil, fmt.Errorf("name the application, as it does in Options.App: --app or SESSION_APP: %w", errUsage)
	}
	return words, nil
}

func (p *program) usage(set *flag.FlagSet) {
	fmt.Fprintln(p.err, "Usage: berthctl [FLAGS] COMMAND [ARGUMENT]\n\nCommands:")
	for _, c := range commands {
		fmt.Fprintf(p.err, "  %-18s %s\n", strings.TrimSpace(c.name+" "+c.arg), c.help)
	}
	set.SetOutput(p.err)
	fmt.Fprintln(p.err, "\nFlags, which may stand anywhere before a --:")
	set.PrintDefaults()
	fmt.Fprintln(p.err, "\nSecrets come from variables alone:")
	for _, f := range p.settings.fields() {
		if f.opt == "" {
			fmt.Fprintln(p.err, "  "+f.variable)
		}
	}
}
