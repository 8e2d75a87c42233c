// Broadcasts on the LAN: one side sends, the other prints.
package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

func listenBroadcast(ctx context.Context, args []string) error {
	flags := newOptions()
	port := flags.Int("port", 0, "")
	seconds := flags.seconds("seconds", 10*time.Second)
	count := flags.Int("count", 1, "")
	iface := flags.String("iface", "", "")
	if _, err := flags.parse(args, 0); err != nil {
		return err
	}
	if *port == 0 {
		return wrongUsage("--port is needed")
	}
	listener := net.ListenConfig{Control: shared(*iface)}
	socket, err := listener.ListenPacket(ctx, "udp4", fmt.Sprintf(":%d", *port))
	if err != nil {
		return err
	}
	defer socket.Close()
	fmt.Printf("listening on udp %d\n", *port)
	return receive(ctx, socket, *seconds, *count, func(peer string, data []byte) bool {
		fmt.Printf("%s %s\n", peer, strings.TrimSpace(string(data)))
		return true
	})
}

func sendBroadcast(ctx context.Context, args []string) error {
	flags := newOptions()
	port := flags.Int("port", 0, "")
	iface := flags.String("iface", "", "")
	words, err := flags.parse(args, -1)
	if err != nil {
		return err
	}
	if *port == 0 || *iface == "" || len(words) == 0 {
		return wrongUsage("--iface, --port and a text are needed")
	}
	listener := net.ListenConfig{Control: shared(*iface)}
	socket, err := listener.ListenPacket(ctx, "udp4", ":0")
	if err != nil {
		return err
	}
	defer socket.Close()
	_, err = socket.WriteTo([]byte(strings.Join(words, " ")), &net.UDPAddr{IP: net.IPv4bcast, Port: *port})
	return err
}

// shared lets several listeners have one port, allows broadcasts and binds to an interface.
func shared(iface string) func(network, address string, raw syscall.RawConn) error {
	bind := bindTo(iface)
	return func(network, address string, raw syscall.RawConn) error {
		var failure error
		err := raw.Control(func(fd uintptr) {
			failure = errors.Join(
				unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_REUSEADDR, 1),
				unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_BROADCAST, 1),
			)
		})
		if err := errors.Join(err, failure); err != nil || bind == nil {
			return err
		}
		return bind(network, address, raw)
	}
}

// receive hands on datagrams until enough counted (0: no limit) or the time is over; it fails when none counted.
func receive(ctx context.Context, socket net.PacketConn, long time.Duration, enough int, take func(peer string, data []byte) bool) error {
	ctx, cancel := context.WithTimeout(ctx, long)
	defer cancel()
	context.AfterFunc(ctx, func() { _ = socket.SetReadDeadline(time.Unix(1, 0)) })
	buffer := make([]byte, 65536)
	counted := 0
	for enough == 0 || counted < enough {
		size, peer, err := socket.ReadFrom(buffer)
		if errors.Is(err, os.ErrDeadlineExceeded) {
			break
		}
		if err != nil {
			return err
		}
		address, _, _ := net.SplitHostPort(peer.String())
		if take(address, buffer[:size]) {
			counted++
		}
	}
	if counted == 0 {
		return fmt.Errorf("nothing heard in %v", long)
	}
	return nil
}
