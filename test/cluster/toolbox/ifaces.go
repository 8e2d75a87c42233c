// What this network namespace looks like, asked from the kernel over netlink.
package main

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"net"
	"net/netip"
	"os"
	"syscall"
)

type linkFacts struct {
	Index     int      `json:"index"`
	Name      string   `json:"name"`
	MAC       string   `json:"mac,omitempty"`
	MTU       int      `json:"mtu"`
	Up        bool     `json:"up"`
	Running   bool     `json:"running"`
	Addresses []string `json:"addresses"`
}

type routeFacts struct {
	Target  string `json:"dst"`
	Gateway string `json:"gw,omitempty"`
	Device  string `json:"dev,omitempty"`
	Source  string `json:"src,omitempty"`
}

func ifaces(context.Context, []string) error {
	links, err := net.Interfaces()
	if err != nil {
		return err
	}
	var all []linkFacts
	names := map[int]string{}
	for _, link := range links {
		names[link.Index] = link.Name
		facts := linkFacts{
			Index: link.Index, Name: link.Name, MAC: link.HardwareAddr.String(), MTU: link.MTU,
			Up: link.Flags&net.FlagUp != 0, Running: link.Flags&net.FlagRunning != 0, Addresses: []string{},
		}
		addresses, err := link.Addrs()
		if err != nil {
			return err
		}
		for _, each := range addresses {
			facts.Addresses = append(facts.Addresses, each.String())
		}
		all = append(all, facts)
	}
	routes, err := routes(names)
	if err != nil {
		return err
	}
	printer := json.NewEncoder(os.Stdout)
	printer.SetIndent("", "  ")
	return printer.Encode(map[string]any{"links": all, "routes": routes})
}

// routes of the main table, both families.
func routes(names map[int]string) ([]routeFacts, error) {
	data, err := syscall.NetlinkRIB(syscall.RTM_GETROUTE, syscall.AF_UNSPEC)
	if err != nil {
		return nil, err
	}
	messages, err := syscall.ParseNetlinkMessage(data)
	if err != nil {
		return nil, err
	}
	all := []routeFacts{}
	for _, message := range messages {
		if message.Header.Type != syscall.RTM_NEWROUTE || len(message.Data) < syscall.SizeofRtMsg {
			continue
		}
		family, bits, table := message.Data[0], message.Data[1], message.Data[4]
		if table != syscall.RT_TABLE_MAIN || (family != syscall.AF_INET && family != syscall.AF_INET6) {
			continue
		}
		attributes, err := syscall.ParseNetlinkRouteAttr(&message)
		if err != nil {
			return nil, err
		}
		all = append(all, route(attributes, family, int(bits), names))
	}
	return all, nil
}

func route(attributes []syscall.NetlinkRouteAttr, family byte, bits int, names map[int]string) routeFacts {
	facts := routeFacts{Target: "0.0.0.0/0"}
	if family == syscall.AF_INET6 {
		facts.Target = "::/0"
	}
	for _, attribute := range attributes {
		address, _ := netip.AddrFromSlice(attribute.Value)
		switch attribute.Attr.Type {
		case syscall.RTA_DST:
			facts.Target = netip.PrefixFrom(address, bits).String()
		case syscall.RTA_GATEWAY:
			facts.Gateway = address.String()
		case syscall.RTA_PREFSRC:
			facts.Source = address.String()
		case syscall.RTA_OIF:
			facts.Device = names[int(binary.NativeEndian.Uint32(attribute.Value))]
		}
	}
	return facts
}
