// Commands that only wait or print.
package main

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/signal"
	"slices"
	"strconv"
	"syscall"
	"time"
)

// pause is process 1 of a sandbox: orphans end up here and must be reaped.
func pause(ctx context.Context, _ []string) error {
	children := make(chan os.Signal, 16)
	signal.Notify(children, syscall.SIGCHLD)
	fmt.Println("pausing")
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-children:
			for {
				if pid, err := syscall.Wait4(-1, nil, syscall.WNOHANG, nil); pid <= 0 || err != nil {
					break
				}
			}
		}
	}
}

func wait(ctx context.Context, args []string) error {
	flags := newOptions()
	name := flags.String("iface", "", "")
	timeout := flags.seconds("timeout", 30*time.Second)
	if _, err := flags.parse(args, 0); err != nil {
		return err
	}
	if *name == "" {
		<-ctx.Done()
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, *timeout)
	defer cancel()
	for {
		if iface, err := net.InterfaceByName(*name); err == nil {
			if addresses, err := iface.Addrs(); err == nil && len(addresses) > 0 {
				fmt.Println(addresses[0])
				return nil
			}
		}
		if !rest(ctx, 50*time.Millisecond) {
			return fmt.Errorf("%s has no address after %v", *name, *timeout)
		}
	}
}

func sleep(ctx context.Context, args []string) error {
	if len(args) != 1 {
		return wrongUsage("one argument is needed")
	}
	seconds, err := strconv.ParseFloat(args[0], 64)
	if err != nil {
		return wrongUsage("not a number: %s", args[0])
	}
	rest(ctx, time.Duration(seconds*float64(time.Second)))
	return nil
}

// rest waits; false when the context ended first.
func rest(ctx context.Context, how time.Duration) bool {
	timer := time.NewTimer(how)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}

func env(context.Context, []string) error {
	all := os.Environ()
	slices.Sort(all)
	for _, each := range all {
		fmt.Println(each)
	}
	return nil
}

func cat(_ context.Context, args []string) error {
	for _, path := range args {
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		if _, err := os.Stdout.Write(data); err != nil {
			return err
		}
	}
	return nil
}
