// The pod's annotation: which networks it wants, in the short form (a,b@eth7) or as a JSON list.
package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"regexp"
	"strings"
)

const (
	networksAnnotation = "k8s.v1.cni.cncf.io/networks"
	statusAnnotation   = "k8s.v1.cni.cncf.io/network-status"
)

// NetworkSelectionElement is one wish of a pod. The type has this name because Go puts it into the message of a
// JSON error, which users see as an event.
type NetworkSelectionElement struct {
	Name            string                     `json:"name"`
	Namespace       string                     `json:"namespace"`
	IPs             []string                   `json:"ips"`
	MAC             string                     `json:"mac"`
	InfinibandGUID  string                     `json:"infiniband-guid"`
	Interface       string                     `json:"interface"`
	InterfaceLegacy string                     `json:"interfaceRequest"`
	PortMappings    []json.RawMessage          `json:"portMappings"`
	Bandwidth       json.RawMessage            `json:"bandwidth"`
	CNIArgs         map[string]json.RawMessage `json:"cni-args"`
	DefaultRoute    *[]net.IP                  `json:"default-route"`
}

// parseAnnotation reads either form. Without an annotation there are no wishes and no error.
func parseAnnotation(text, podNamespace string) ([]*NetworkSelectionElement, error) {
	if text == "" {
		return nil, nil
	}
	wishes, err := splitAnnotation(text)
	if err != nil {
		return nil, fmt.Errorf("parsePodNetworkAnnotation: %v", err)
	}
	for _, wish := range wishes {
		if wish.Namespace == "" {
			wish.Namespace = podNamespace
		}
		if wish.Interface == "" {
			wish.Interface = wish.InterfaceLegacy
		}
		if err := wish.validate(); err != nil {
			return nil, err
		}
	}
	return wishes, nil
}

func splitAnnotation(text string) ([]*NetworkSelectionElement, error) {
	var wishes []*NetworkSelectionElement
	if strings.ContainsAny(text, `[{"`) {
		if err := json.Unmarshal([]byte(text), &wishes); err != nil {
			return nil, fmt.Errorf("failed to parse pod Network Attachment Selection Annotation JSON format: %v", err)
		}
		return wishes, nil
	}
	for item := range strings.SplitSeq(text, ",") {
		wish, err := parseShort(strings.TrimSpace(item))
		if err != nil {
			return nil, fmt.Errorf("parsePodNetworkObjectName: %v", err)
		}
		wishes = append(wishes, wish)
	}
	return wishes, nil
}

var label = regexp.MustCompile(`^([a-z0-9]([-a-z0-9]*[a-z0-9])?)?$`)

// parseShort reads [namespace/]name[@interface].
func parseShort(item string) (*NetworkSelectionElement, error) {
	wish := &NetworkSelectionElement{}
	rest := item
	if before, after, found := strings.Cut(item, "/"); found {
		wish.Namespace, rest = strings.TrimSpace(before), after
		if strings.Contains(rest, "/") {
			return nil, errors.New("Invalid network object (failed at '/')")
		}
	}
	name, ifname, _ := strings.Cut(rest, "@")
	wish.Name, wish.Interface = strings.TrimSpace(name), strings.TrimSpace(ifname)
	if strings.Contains(wish.Interface, "@") {
		return nil, errors.New("Invalid network object (failed at '@')")
	}
	for _, part := range []string{wish.Namespace, wish.Name} {
		if !label.MatchString(part) {
			return nil, fmt.Errorf("Failed to parse: one or more items did not match comma-delimited format (must consist of "+
				"lower case alphanumeric characters). Must start and end with an alphanumeric character), mismatch @ '%v'", part)
		}
	}
	if len(wish.Interface) > 15 || strings.ContainsAny(wish.Interface, " \t\n\v\f\r/") {
		return nil, fmt.Errorf("Failed to parse interface name: must be less than 15 chars and not contain '/' or spaces. "+
			"interface name '%s'", wish.Interface)
	}
	return wish, nil
}

// validate checks what must be right before any plugin is called; its messages reach the user through the pod's events.
func (wish *NetworkSelectionElement) validate() error {
	if wish.MAC != "" {
		if _, err := net.ParseMAC(wish.MAC); err != nil {
			return fmt.Errorf("parsePodNetworkAnnotation: failed to mac: %v", err)
		}
	}
	if wish.InfinibandGUID != "" {
		if _, err := net.ParseMAC(wish.InfinibandGUID); err != nil {
			return fmt.Errorf("parsePodNetworkAnnotation: failed to validate infiniband GUID: %v", err)
		}
	}
	for _, ip := range wish.IPs {
		if strings.Contains(ip, "/") {
			if _, _, err := net.ParseCIDR(ip); err != nil {
				return fmt.Errorf("failed to parse CIDR %q: %v", ip, err)
			}
		} else if net.ParseIP(ip) == nil {
			return fmt.Errorf("failed to parse IP address %q", ip)
		}
	}
	return nil
}
