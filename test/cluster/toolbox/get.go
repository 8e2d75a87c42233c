// A client: asks a server and prints what it says.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

func get(ctx context.Context, args []string) error {
	flags := newOptions()
	timeout := flags.seconds("timeout", 3*time.Second)
	from := flags.String("from", "", "")
	iface := flags.String("iface", "", "")
	positional, err := flags.parse(args, 2)
	if err != nil {
		return err
	}
	network, address := positional[0], positional[1]
	if network != "tcp" && network != "udp" {
		return wrongUsage("tcp or udp, not %s", network)
	}
	ctx, cancel := context.WithTimeout(ctx, *timeout)
	defer cancel()
	dialer := &net.Dialer{Control: bindTo(*iface)}
	if *from != "" {
		if dialer.LocalAddr, err = localAddress(network, *from); err != nil {
			return err
		}
	}
	connection, err := dialer.DialContext(ctx, network, address)
	if err != nil {
		return err
	}
	defer connection.Close()
	deadline, _ := ctx.Deadline()
	if network == "udp" {
		return askUDP(ctx, connection, deadline)
	}
	_ = connection.SetDeadline(deadline)
	text, err := io.ReadAll(connection)
	if err != nil {
		return err
	}
	_, err = os.Stdout.Write(text)
	return err
}

// askUDP asks again every half second, since datagrams may be lost while neighbours are looked up.
func askUDP(ctx context.Context, connection net.Conn, deadline time.Time) error {
	buffer := make([]byte, 65536)
	for {
		if _, err := connection.Write([]byte("hello\n")); err != nil {
			return err
		}
		next := time.Now().Add(500 * time.Millisecond)
		if next.After(deadline) {
			next = deadline
		}
		_ = connection.SetReadDeadline(next)
		size, err := connection.Read(buffer)
		if err == nil {
			_, err = os.Stdout.Write(buffer[:size])
			return err
		}
		if !errors.Is(err, os.ErrDeadlineExceeded) {
			return err
		}
		if ctx.Err() != nil || !time.Now().Before(deadline) {
			return fmt.Errorf("no answer from %s", connection.RemoteAddr())
		}
	}
}

// bindTo gives a socket to one interface; an empty name leaves it to routing.
func bindTo(iface string) func(network, address string, raw syscall.RawConn) error {
	if iface == "" {
		return nil
	}
	return func(_, _ string, raw syscall.RawConn) error {
		var failure error
		err := raw.Control(func(fd uintptr) { failure = unix.BindToDevice(int(fd), iface) })
		return errors.Join(err, failure)
	}
}

func localAddress(network, from string) (net.Addr, error) {
	ip := net.ParseIP(from)
	if ip == nil {
		return nil, wrongUsage("not an IP address: %s", from)
	}
	if network == "udp" {
		return &net.UDPAddr{IP: ip}, nil
	}
	return &net.TCPAddr{IP: ip}, nil
}
