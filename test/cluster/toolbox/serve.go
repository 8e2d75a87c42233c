// A server on any number of ports; its answer says who it is and whom it saw.
package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

func serve(ctx context.Context, args []string) error {
	flags := newOptions()
	tcp, udp := flags.ports("tcp"), flags.ports("udp")
	name := flags.String("name", "toolbox", "")
	if _, err := flags.parse(args, 0); err != nil {
		return err
	}
	if len(*tcp)+len(*udp) == 0 {
		return wrongUsage("a port is needed")
	}
	host, _ := os.Hostname()
	answer := func(peer net.Addr) string {
		address, _, _ := net.SplitHostPort(peer.String())
		return fmt.Sprintf("%s %s %s\n", *name, host, address)
	}
	failed := make(chan error, 1)
	for _, port := range *tcp {
		listeners, err := listenTCP(port)
		if err != nil {
			return err
		}
		for _, listener := range listeners {
			defer listener.Close()
			go serveTCP(listener, answer, failed)
		}
		fmt.Printf("serving tcp %d\n", port)
	}
	for _, port := range *udp {
		sockets, err := listenUDP(port)
		if err != nil {
			return err
		}
		for _, socket := range sockets {
			defer socket.Close()
			go serveUDP(socket, answer, failed)
		}
		fmt.Printf("serving udp %d\n", port)
	}
	select {
	case <-ctx.Done():
		return nil
	case err := <-failed:
		return err
	}
}

// listenTCP opens one socket per address family: with one for both, Go leaves IPv6 out where the loopback is down.
func listenTCP(port int) ([]net.Listener, error) {
	four, err := net.Listen("tcp4", fmt.Sprintf(":%d", port))
	if err != nil {
		return nil, err
	}
	six, err := net.Listen("tcp6", fmt.Sprintf("[::]:%d", port))
	if err != nil {
		return []net.Listener{four}, ignoreNoIPv6(err)
	}
	return []net.Listener{four, six}, nil
}

// ignoreNoIPv6 forgives a kernel without IPv6.
func ignoreNoIPv6(err error) error {
	if errors.Is(err, syscall.EAFNOSUPPORT) || errors.Is(err, syscall.EADDRNOTAVAIL) || strings.Contains(err.Error(), "no suitable address") {
		return nil
	}
	return err
}

func serveTCP(listener net.Listener, answer func(net.Addr) string, failed chan<- error) {
	for {
		connection, err := listener.Accept()
		if err != nil {
			failed <- err
			return
		}
		go func() {
			defer connection.Close()
			_, _ = connection.Write([]byte(answer(connection.RemoteAddr())))
		}()
	}
}

// listenUDP opens one socket per address family, each told to report the address that a datagram was sent to.
func listenUDP(port int) ([]*net.UDPConn, error) {
	four, err := net.ListenUDP("udp4", &net.UDPAddr{Port: port})
	if err != nil {
		return nil, err
	}
	if err := setInt(four, unix.IPPROTO_IP, unix.IP_PKTINFO); err != nil {
		return nil, err
	}
	six, err := net.ListenUDP("udp6", &net.UDPAddr{Port: port})
	if err != nil {
		return []*net.UDPConn{four}, ignoreNoIPv6(err)
	}
	return []*net.UDPConn{four, six}, setInt(six, unix.IPPROTO_IPV6, unix.IPV6_RECVPKTINFO)
}

// serveUDP answers from the address that was asked: a pod has several.
func serveUDP(socket *net.UDPConn, answer func(net.Addr) string, failed chan<- error) {
	data, control := make([]byte, 65536), make([]byte, 256)
	for {
		_, size, _, peer, err := socket.ReadMsgUDP(data, control)
		if err != nil {
			failed <- err
			return
		}
		text := []byte(answer(peer))
		if _, _, err := socket.WriteMsgUDP(text, sameSource(control[:size]), peer); err != nil {
			_, _ = socket.WriteToUDP(text, peer)
		}
	}
}

// sameSource turns the received packet information into a wish for the source address, leaving the interface to routing.
func sameSource(control []byte) []byte {
	messages, err := unix.ParseSocketControlMessage(control)
	if err != nil {
		return nil
	}
	for _, message := range messages {
		switch {
		case message.Header.Level == unix.IPPROTO_IP && message.Header.Type == unix.IP_PKTINFO && len(message.Data) >= 12:
			return unix.PktInfo4(&unix.Inet4Pktinfo{Spec_dst: [4]byte(message.Data[4:8])})
		case message.Header.Level == unix.IPPROTO_IPV6 && message.Header.Type == unix.IPV6_PKTINFO && len(message.Data) >= 20:
			return unix.PktInfo6(&unix.Inet6Pktinfo{Addr: [16]byte(message.Data[:16])})
		}
	}
	return nil
}

func setInt(socket syscall.Conn, level, option int) error {
	return control(socket, func(fd int) error { return unix.SetsockoptInt(fd, level, option, 1) })
}

func control(socket syscall.Conn, do func(fd int) error) error {
	raw, err := socket.SyscallConn()
	if err != nil {
		return err
	}
	var failure error
	if err := raw.Control(func(fd uintptr) { failure = do(int(fd)) }); err != nil {
		return err
	}
	return failure
}
