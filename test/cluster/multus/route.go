// The pod's default route, when a pod asks for it through one of its networks: in the kernel and in the cached result.
package main

import (
	"encoding/json"
	"fmt"
	"net"
	"os"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"
)

// inside opens a netlink handle in a pod's namespace.
func inside(path string, do func(handle *netlink.Handle) error) error {
	ns, err := netns.GetFromPath(path)
	if err != nil {
		return fmt.Errorf("no net namespace %s found: %v", path, err)
	}
	defer ns.Close()
	handle, err := netlink.NewHandleAt(ns)
	if err != nil {
		return err
	}
	defer handle.Close()
	return do(handle)
}

// mustBeFree refuses an interface name that the pod already has.
func mustBeFree(path, ifname string) error {
	return inside(path, func(handle *netlink.Handle) error {
		if _, err := handle.LinkByName(ifname); err == nil {
			return fmt.Errorf("validateIfName: interface name %s already exists", ifname)
		}
		return nil
	})
}

// moveDefaultRoute takes default routes off an interface that may not have one and puts the wished one on.
func (c *call) moveDefaultRoute() error {
	wanted := c.gateways()
	if !c.DropV4 && !c.DropV6 && len(wanted) == 0 {
		return nil
	}
	err := inside(c.rt.NetNS, func(handle *netlink.Handle) error {
		link, err := handle.LinkByName(c.rt.IfName)
		if err != nil {
			return err
		}
		if err := dropDefaults(handle, link); err != nil {
			return fmt.Errorf("error deleting default gateway: %v", err)
		}
		for _, gateway := range wanted {
			route := &netlink.Route{LinkIndex: link.Attrs().Index, Gw: gateway}
			if err := handle.RouteAdd(route); err != nil && !os.IsExist(err) {
				return fmt.Errorf("error setting default gateway: %v", err)
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	return c.rewriteCachedRoutes(wanted)
}

func dropDefaults(handle *netlink.Handle, link netlink.Link) error {
	routes, err := handle.RouteList(link, netlink.FAMILY_ALL)
	if err != nil {
		return err
	}
	for _, route := range routes {
		if !isDefault(route.Dst) {
			continue
		}
		if err := handle.RouteDel(&route); err != nil {
			return err
		}
	}
	return nil
}

func isDefault(destination *net.IPNet) bool {
	if destination == nil {
		return true
	}
	ones, _ := destination.Mask.Size()
	return ones == 0 && destination.IP.IsUnspecified()
}

// rewriteCachedRoutes keeps the cached result in step: whoever reads it must see the routes that the pod really has.
func (c *call) rewriteCachedRoutes(wanted []net.IP) error {
	data, err := os.ReadFile(c.cacheFile())
	if err != nil {
		return err
	}
	var cached map[string]any
	if err := json.Unmarshal(data, &cached); err != nil {
		return err
	}
	result, ok := cached["result"].(map[string]any)
	if !ok {
		return fmt.Errorf("no result in %s", c.cacheFile())
	}
	old, _ := result["routes"].([]any)
	routes := []any{}
	for _, each := range old {
		if route, ok := each.(map[string]any); ok && (route["dst"] == "0.0.0.0/0" || route["dst"] == "::/0" || route["dst"] == "::0/0") {
			continue
		}
		routes = append(routes, each)
	}
	for _, gateway := range wanted {
		destination := "0.0.0.0/0"
		if gateway.To4() == nil {
			destination = "::0/0"
		}
		routes = append(routes, map[string]any{"dst": destination, "gw": gateway.String()})
	}
	delete(result, "routes")
	if len(routes) > 0 {
		result["routes"] = routes
	}
	data, err = json.Marshal(cached)
	if err != nil {
		return err
	}
	return os.WriteFile(c.cacheFile(), data, 0o600)
}
