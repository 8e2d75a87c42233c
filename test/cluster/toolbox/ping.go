// ICMP echo over a raw socket.
package main

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"time"
)

// pinger is one target: only answers with its identity count.
type pinger struct {
	socket net.PacketConn
	target *net.IPAddr
	id     uint16
	six    bool
}

func ping(ctx context.Context, args []string) error {
	flags := newOptions()
	count := flags.Int("c", 3, "")
	patience := flags.seconds("W", time.Second)
	interval := flags.seconds("i", 200*time.Millisecond)
	iface := flags.String("I", "", "")
	positional, err := flags.parse(args, 1)
	if err != nil {
		return err
	}
	target, err := net.ResolveIPAddr("ip", positional[0])
	if err != nil {
		return err
	}
	p := &pinger{target: target, id: uint16(rand.Uint32()), six: target.IP.To4() == nil}
	network, local := "ip4:icmp", "0.0.0.0"
	if p.six {
		network, local = "ip6:ipv6-icmp", "::"
	}
	listener := net.ListenConfig{Control: bindTo(*iface)}
	if p.socket, err = listener.ListenPacket(ctx, network, local); err != nil {
		return err
	}
	defer p.socket.Close()
	answers := 0
	for sequence := 1; sequence <= *count && ctx.Err() == nil; sequence++ {
		took, err := p.echo(uint16(sequence), *patience)
		if err != nil {
			fmt.Printf("seq=%d %v\n", sequence, err)
		} else {
			answers++
			fmt.Printf("reply from %s seq=%d time=%.3f ms\n", target, sequence, float64(took)/float64(time.Millisecond))
		}
		if sequence < *count {
			rest(ctx, *interval)
		}
	}
	fmt.Printf("%d sent, %d received\n", *count, answers)
	if answers == 0 {
		return fmt.Errorf("no answer from %s", target)
	}
	return nil
}

func (p *pinger) echo(sequence uint16, patience time.Duration) (time.Duration, error) {
	started := time.Now()
	if _, err := p.socket.WriteTo(p.request(sequence), p.target); err != nil {
		return 0, err
	}
	_ = p.socket.SetReadDeadline(started.Add(patience))
	buffer := make([]byte, 65536)
	for {
		size, peer, err := p.socket.ReadFrom(buffer)
		if errors.Is(err, os.ErrDeadlineExceeded) {
			return 0, errors.New("no answer")
		}
		if err != nil {
			return 0, err
		}
		if p.answers(buffer[:size], peer, sequence) {
			return time.Since(started), nil
		}
	}
}

func (p *pinger) request(sequence uint16) []byte {
	message := make([]byte, 64)
	message[0] = 8
	if p.six {
		message[0] = 128
	}
	binary.BigEndian.PutUint16(message[4:], p.id)
	binary.BigEndian.PutUint16(message[6:], sequence)
	if !p.six {
		// The kernel does it for ICMPv6.
		binary.BigEndian.PutUint16(message[2:], checksum(message))
	}
	return message
}

func (p *pinger) answers(message []byte, peer net.Addr, sequence uint16) bool {
	want := byte(0)
	if p.six {
		want = 129
	}
	address, ok := peer.(*net.IPAddr)
	return ok && len(message) >= 8 && message[0] == want && address.IP.Equal(p.target.IP) &&
		binary.BigEndian.Uint16(message[4:]) == p.id && binary.BigEndian.Uint16(message[6:]) == sequence
}

func checksum(data []byte) uint16 {
	sum := uint32(0)
	for i := 0; i+1 < len(data); i += 2 {
		sum += uint32(binary.BigEndian.Uint16(data[i:]))
	}
	for sum>>16 != 0 {
		sum = sum&0xffff + sum>>16
	}
	return ^uint16(sum)
}
