// Who answers for an address on the LAN, and with which MAC address.
package main

import (
	"context"
	"encoding/binary"
	"fmt"
	"net"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

func arping(ctx context.Context, args []string) error {
	flags := newOptions()
	name := flags.String("iface", "", "")
	count := flags.Int("c", 3, "")
	patience := flags.seconds("W", 500*time.Millisecond)
	positional, err := flags.parse(args, 1)
	if err != nil {
		return err
	}
	target := net.ParseIP(positional[0]).To4()
	if target == nil || *name == "" {
		return wrongUsage("--iface and an IPv4 address are needed")
	}
	iface, err := net.InterfaceByName(*name)
	if err != nil {
		return err
	}
	socket, err := openFrames(iface, unix.ETH_P_ARP)
	if err != nil {
		return err
	}
	defer socket.close()
	var macs []string
	answers := 0
	for range *count {
		if err := socket.send(whoHas(iface, target)); err != nil {
			return err
		}
		// Every answer within the time counts: two machines may answer for one address.
		for _, mac := range answersWithin(ctx, socket, target, *patience) {
			answers++
			fmt.Printf("reply from %s %s\n", target, mac)
			if !slices.Contains(macs, mac) {
				macs = append(macs, mac)
			}
		}
		if ctx.Err() != nil {
			break
		}
	}
	slices.Sort(macs)
	fmt.Printf("%d sent, %d received, macs: %s\n", *count, answers, strings.Join(macs, ","))
	if answers == 0 {
		return fmt.Errorf("nobody has %s", target)
	}
	return nil
}

func whoHas(iface *net.Interface, target net.IP) []byte {
	frame := make([]byte, 42)
	copy(frame[0:], []byte{255, 255, 255, 255, 255, 255})
	copy(frame[6:], iface.HardwareAddr)
	binary.BigEndian.PutUint16(frame[12:], unix.ETH_P_ARP)
	copy(frame[14:], []byte{0, 1, 8, 0, 6, 4, 0, 1})
	copy(frame[22:], iface.HardwareAddr)
	copy(frame[28:], ownAddress(iface))
	copy(frame[38:], target)
	return frame
}

// ownAddress is the interface's first IPv4 address; without one the question is a probe from 0.0.0.0.
func ownAddress(iface *net.Interface) net.IP {
	addresses, _ := iface.Addrs()
	for _, each := range addresses {
		if network, ok := each.(*net.IPNet); ok && network.IP.To4() != nil {
			return network.IP.To4()
		}
	}
	return net.IPv4zero.To4()
}

func answersWithin(ctx context.Context, socket *frames, target net.IP, patience time.Duration) []string {
	var macs []string
	deadline := time.Now().Add(patience)
	buffer, control := make([]byte, 2048), make([]byte, 128)
	for ctx.Err() == nil {
		left := time.Until(deadline)
		if left <= 0 {
			break
		}
		size, _, err := socket.next(buffer, control, min(left+time.Millisecond, 100*time.Millisecond))
		if err != nil {
			break
		}
		if arp := decodeARP(buffer[:min(size, len(buffer))]); arp != nil && arp.Op == "reply" && arp.SenderIP == target.String() {
			macs = append(macs, arp.SenderMAC)
		}
	}
	return macs
}
