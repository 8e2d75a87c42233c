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
		listener, err := net.Listen("tcp", fmt.Sprintf(":%d", port))
		if err != nil {
			return err
		}
		defer listener.Close()
		fmt.Printf("serving tcp %d\n", port)
		go serveTCP(listener, answer, failed)
	}
	for _, port := range *udp {
		sockets, err := listenUDP(port)
		if err != nil {
			return err
		}
		fmt.Printf("serving udp %d\n", port)
		for _, socket := range sockets {
			defer socket.Close()
			go serveUDP(socket, answer, failed)
		}
	}
	select {
	case <-ctx.Done():
		return nil
	case err := <-failed:
		return err
	}
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
	sockets := []*net.UDPConn{four}
	if six, err := net.ListenUDP("udp6", &net.UDPAddr{Port: port}); err == nil {
		if err := setInt(six, unix.IPPROTO_IPV6, unix.IPV6_RECVPKTINFO); err != nil {
			return nil, err
		}
		sockets = append(sockets, six)
	} else if !errors.Is(err, syscall.EAFNOSUPPORT) && !strings.Contains(err.Error(), "no suitable address") {
		return nil, err
	}
	return sockets, nil
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
