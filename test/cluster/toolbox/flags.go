// Flags may stand before or after the other arguments.
package main

import (
	"flag"
	"fmt"
	"io"
	"os"
	"strconv"
	"time"
)

type usageError struct{ message string }

func (e *usageError) Error() string { return e.message }

func wrongUsage(format string, args ...any) error {
	return &usageError{fmt.Sprintf(format, args...)}
}

type options struct {
	*flag.FlagSet
}

func newOptions() options {
	set := flag.NewFlagSet("", flag.ContinueOnError)
	set.SetOutput(io.Discard)
	set.Usage = func() {}
	return options{set}
}

// seconds is a flag that takes a number of seconds, fractions too.
func (o options) seconds(name string, initial time.Duration) *time.Duration {
	value := initial
	o.Func(name, "", func(text string) error {
		number, err := strconv.ParseFloat(text, 64)
		if err != nil || number < 0 {
			return fmt.Errorf("not a number of seconds")
		}
		value = time.Duration(number * float64(time.Second))
		return nil
	})
	return &value
}

// ports is a flag that may be given several times.
func (o options) ports(name string) *[]int {
	var all []int
	o.Func(name, "", func(text string) error {
		port, err := strconv.ParseUint(text, 10, 16)
		if err != nil {
			return fmt.Errorf("not a port")
		}
		all = append(all, int(port))
		return nil
	})
	return &all
}

// parse gives the arguments that are not flags; there must be exactly that many (-1: any number).
func (o options) parse(args []string, positional int) ([]string, error) {
	var rest []string
	for {
		if err := o.Parse(args); err != nil {
			return nil, wrongUsage("%v", err)
		}
		if o.NArg() == 0 {
			break
		}
		rest = append(rest, o.Arg(0))
		args = o.Args()[1:]
	}
	if positional >= 0 && len(rest) != positional {
		return nil, wrongUsage("%d arguments are needed, got %d", positional, len(rest))
	}
	return rest, nil
}

// openOutput opens what --out names for writing; "-" is standard output.
func openOutput(path string) (*os.File, error) {
	if path == "-" {
		return os.Stdout, nil
	}
	return os.Create(path)
}
