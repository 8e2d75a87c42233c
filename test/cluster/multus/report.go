// The network-status annotation: what the pod got, written once after everything is attached.
package main

import (
	"encoding/json"
	"net"
	"strings"

	"github.com/containernetworking/cni/pkg/types"
	current "github.com/containernetworking/cni/pkg/types/100"
)

type networkStatus struct {
	Name      string   `json:"name"`
	Interface string   `json:"interface,omitempty"`
	IPs       []string `json:"ips,omitempty"`
	MAC       string   `json:"mac,omitempty"`
	MTU       int      `json:"mtu,omitempty"`
	Default   bool     `json:"default,omitempty"`
	DNS       dns      `json:"dns"`
	Gateway   []string `json:"gateway,omitempty"`
}

type dns struct {
	Nameservers []string `json:"nameservers,omitempty"`
	Domain      string   `json:"domain,omitempty"`
	Search      []string `json:"search,omitempty"`
	Options     []string `json:"options,omitempty"`
}

// statesOf has one entry per interface inside the pod. A route without a gateway is shown as "<nil>", as users know it.
func statesOf(result *current.Result, d *delegate) []networkStatus {
	var states []networkStatus
	position := map[int]int{}
	for i, link := range result.Interfaces {
		if link.Sandbox == "" {
			continue
		}
		position[i] = len(states)
		states = append(states, networkStatus{
			Name: d.Name, Interface: link.Name, MAC: link.Mac, MTU: link.Mtu, DNS: dns(result.DNS), Gateway: gatewaysOf(result.Routes),
		})
	}
	if len(states) == 0 {
		states = append(states, networkStatus{Name: d.Name, DNS: dns(result.DNS), Gateway: gatewaysOf(result.Routes)})
	}
	for _, ip := range result.IPs {
		at := len(states) - 1
		if ip.Interface != nil && len(result.Interfaces) > 1 {
			known, inside := position[*ip.Interface]
			if !inside {
				continue
			}
			at = known
		}
		states[at].IPs = append(states[at].IPs, ip.Address.IP.String())
	}
	if d.Master {
		states[defaultPosition(result, position)].Default = true
	}
	return states
}

// defaultPosition is the interface with a gateway, else the first.
func defaultPosition(result *current.Result, position map[int]int) int {
	for _, ip := range result.IPs {
		if ip.Gateway != nil && ip.Interface != nil {
			if at, inside := position[*ip.Interface]; inside {
				return at
			}
		}
	}
	return 0
}

func gatewaysOf(routes []*types.Route) []string {
	var all []string
	for _, route := range routes {
		if route.Dst.IP == nil || route.Dst.IP.Equal(net.IPv4zero) || route.Dst.IP.Equal(net.IPv6zero) {
			all = append(all, route.GW.String())
		}
	}
	return all
}

// annotationText lays the entries out as the annotation has them: each indented by itself.
func annotationText(states []networkStatus) (string, error) {
	var parts []string
	for _, state := range states {
		text, err := json.MarshalIndent(state, "", "    ")
		if err != nil {
			return "", err
		}
		parts = append(parts, string(text))
	}
	return "[" + strings.Join(parts, ",") + "]", nil
}
