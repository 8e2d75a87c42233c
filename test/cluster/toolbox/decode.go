// From bytes of a frame to the facts that the checks look at.
package main

import (
	"encoding/binary"
	"fmt"
	"net"
	"strconv"
)

type frame struct {
	Time      float64    `json:"t"`
	Source    string     `json:"src"`
	Target    string     `json:"dst"`
	Ethertype string     `json:"ethertype"`
	Length    int        `json:"len"`
	ARP       *arpFacts  `json:"arp,omitempty"`
	IP        *ipFacts   `json:"ip,omitempty"`
	IPv6      *ipFacts   `json:"ipv6,omitempty"`
	ICMP6     *icmpFacts `json:"icmp6,omitempty"`
}

type arpFacts struct {
	Op        string `json:"op"`
	SenderMAC string `json:"sha"`
	SenderIP  string `json:"spa"`
	TargetMAC string `json:"tha"`
	TargetIP  string `json:"tpa"`
}

type ipFacts struct {
	Source     string `json:"src"`
	Target     string `json:"dst"`
	Protocol   string `json:"proto"`
	SourcePort int    `json:"sport,omitempty"`
	TargetPort int    `json:"dport,omitempty"`
	ICMP       *int   `json:"icmp,omitempty"`
}

type icmpFacts struct {
	Type      string `json:"type"`
	Target    string `json:"target,omitempty"`
	LinkLayer string `json:"lladdr,omitempty"`
	Solicited bool   `json:"solicited,omitempty"`
	Override  bool   `json:"override,omitempty"`
}

const (
	ethernet = 14
	vlanType = 0x8100
)

// decode never fails: what it does not know is left out.
func decode(data []byte, length int) frame {
	f := frame{Length: length}
	if len(data) < ethernet {
		return f
	}
	f.Target, f.Source = net.HardwareAddr(data[:6]).String(), net.HardwareAddr(data[6:12]).String()
	kind, payload := binary.BigEndian.Uint16(data[12:]), data[ethernet:]
	if kind == vlanType && len(payload) >= 4 {
		kind, payload = binary.BigEndian.Uint16(payload[2:]), payload[4:]
	}
	switch kind {
	case 0x0806:
		f.Ethertype = "arp"
		f.ARP = decodeARP(data)
	case 0x0800:
		f.Ethertype = "ipv4"
		f.IP = decodeIPv4(payload)
	case 0x86dd:
		f.Ethertype = "ipv6"
		f.IPv6, f.ICMP6 = decodeIPv6(payload)
	default:
		f.Ethertype = fmt.Sprintf("0x%04x", kind)
	}
	return f
}

// decodeARP reads an untagged frame; nil when it is not ARP for Ethernet and IPv4.
func decodeARP(data []byte) *arpFacts {
	if len(data) < ethernet+28 || binary.BigEndian.Uint16(data[12:]) != 0x0806 {
		return nil
	}
	body := data[ethernet:]
	if body[4] != 6 || body[5] != 4 {
		return nil
	}
	op := strconv.Itoa(int(binary.BigEndian.Uint16(body[6:])))
	switch op {
	case "1":
		op = "request"
	case "2":
		op = "reply"
	}
	return &arpFacts{
		Op:        op,
		SenderMAC: net.HardwareAddr(body[8:14]).String(),
		SenderIP:  net.IP(body[14:18]).String(),
		TargetMAC: net.HardwareAddr(body[18:24]).String(),
		TargetIP:  net.IP(body[24:28]).String(),
	}
}

func decodeIPv4(data []byte) *ipFacts {
	if len(data) < 20 {
		return nil
	}
	facts := &ipFacts{
		Source:   net.IP(data[12:16]).String(),
		Target:   net.IP(data[16:20]).String(),
		Protocol: protocol(data[9]),
	}
	header := int(data[0]&15) * 4
	later := binary.BigEndian.Uint16(data[6:])&0x1fff != 0
	if later || len(data) < header {
		return facts
	}
	facts.ports(data[header:])
	return facts
}

// ports reads what comes after the header: ports, or the type of an ICMP message.
func (facts *ipFacts) ports(data []byte) {
	switch facts.Protocol {
	case "tcp", "udp":
		if len(data) >= 4 {
			facts.SourcePort, facts.TargetPort = int(binary.BigEndian.Uint16(data)), int(binary.BigEndian.Uint16(data[2:]))
		}
	case "icmp", "igmp", "icmp6":
		if len(data) >= 1 {
			kind := int(data[0])
			facts.ICMP = &kind
		}
	}
}

func protocol(number byte) string {
	switch number {
	case 1:
		return "icmp"
	case 2:
		return "igmp"
	case 6:
		return "tcp"
	case 17:
		return "udp"
	case 58:
		return "icmp6"
	default:
		return strconv.Itoa(int(number))
	}
}

// decodeIPv6 steps over a hop-by-hop header, which every MLD message has.
func decodeIPv6(data []byte) (*ipFacts, *icmpFacts) {
	if len(data) < 40 {
		return nil, nil
	}
	facts := &ipFacts{Source: net.IP(data[8:24]).String(), Target: net.IP(data[24:40]).String()}
	next, body := data[6], data[40:]
	if next == 0 && len(body) >= 8 {
		size := (int(body[1]) + 1) * 8
		if len(body) < size {
			return facts, nil
		}
		next, body = body[0], body[size:]
	}
	facts.Protocol = protocol(next)
	facts.ports(body)
	if next != 58 {
		return facts, nil
	}
	return facts, decodeICMP6(body)
}

var icmp6Types = map[byte]string{
	128: "echo-request", 129: "echo-reply", 130: "mld-query", 131: "mld-report", 132: "mld-done",
	133: "rs", 134: "ra", 135: "ns", 136: "na", 143: "mld2-report",
}

func decodeICMP6(body []byte) *icmpFacts {
	if len(body) < 8 {
		return nil
	}
	facts := &icmpFacts{Type: icmp6Types[body[0]]}
	if facts.Type == "" {
		facts.Type = strconv.Itoa(int(body[0]))
	}
	switch facts.Type {
	case "ns", "na":
		if len(body) < 24 {
			return facts
		}
		facts.Target = net.IP(body[8:24]).String()
		facts.LinkLayer = linkLayer(body[24:])
		if facts.Type == "na" {
			facts.Solicited, facts.Override = body[4]&0x40 != 0, body[4]&0x20 != 0
		}
	case "rs":
		facts.LinkLayer = linkLayer(body[8:])
	case "ra":
		if len(body) >= 16 {
			facts.LinkLayer = linkLayer(body[16:])
		}
	case "mld-query", "mld-report", "mld-done":
		if len(body) >= 24 {
			facts.Target = net.IP(body[8:24]).String()
		}
	}
	return facts
}

// linkLayer finds the source or target link-layer address among the options.
func linkLayer(options []byte) string {
	for len(options) >= 8 {
		size := int(options[1]) * 8
		if size == 0 || size > len(options) {
			return ""
		}
		if options[0] == 1 || options[0] == 2 {
			return net.HardwareAddr(options[2:8]).String()
		}
		options = options[size:]
	}
	return ""
}
