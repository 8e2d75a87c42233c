// Calling the plugins of one network, through libcni as every runtime does; its cache of results stays on the node.
package main

import (
	"context"
	"encoding/json"
	"os"
	"strings"

	"github.com/containernetworking/cni/libcni"
	"github.com/containernetworking/cni/pkg/skel"
	"github.com/containernetworking/cni/pkg/types"
)

// call is one network of one pod.
type call struct {
	*delegate
	conf *config
	rt   *libcni.RuntimeConf
}

// prepare puts together what the plugins are told: the runtime's own arguments, and the wishes as capabilities.
func prepare(c *config, args *skel.CmdArgs, p *podArgs, d *delegate, position int) *call {
	return &call{
		delegate: d,
		conf:     c,
		rt: &libcni.RuntimeConf{
			ContainerID:    args.ContainerID,
			NetNS:          args.Netns,
			IfName:         d.ifname(args.IfName, position),
			Args:           pluginArgs(p, args.Args),
			CapabilityArgs: capabilities(c.RuntimeConfig, d),
		},
	}
}

// pluginArgs is the pod's identity followed by everything that the runtime passed; keys may occur twice.
func pluginArgs(p *podArgs, given string) [][2]string {
	all := [][2]string{
		{"IgnoreUnknown", "true"},
		{"K8S_POD_NAMESPACE", p.namespace()},
		{"K8S_POD_NAME", p.name()},
		{"K8S_POD_INFRA_CONTAINER_ID", string(p.K8S_POD_INFRA_CONTAINER_ID)},
		{"K8S_POD_UID", p.uid()},
	}
	for pair := range strings.SplitSeq(given, ";") {
		if key, value, found := strings.Cut(pair, "="); found {
			all = append(all, [2]string{key, value})
		}
	}
	return all
}

// capabilities are handed to plugins as runtimeConfig, but only to those that declare them.
func capabilities(given map[string]json.RawMessage, d *delegate) map[string]any {
	all := map[string]any{}
	for key, value := range given {
		if text := string(value); text != "null" && text != "[]" && text != `""` {
			all[key] = value
		}
	}
	if d.Master || d.Wish == nil {
		return all
	}
	wish := d.Wish
	if wish.PortMappings != nil {
		all["portMappings"] = wish.PortMappings
	}
	if wish.Bandwidth != nil {
		all["bandwidth"] = wish.Bandwidth
	}
	if len(wish.IPs) > 0 {
		all["ips"] = wish.IPs
	}
	if wish.MAC != "" {
		all["mac"] = wish.MAC
	}
	if wish.InfinibandGUID != "" {
		all["infinibandGUID"] = wish.InfinibandGUID
	}
	return all
}

func (c *call) runner() *libcni.CNIConfig {
	return libcni.NewCNIConfigWithCacheDir(c.conf.binDirs(), c.conf.CNIDir, nil)
}

// addInterface runs ADD. Only here a wished MAC and address are also in CNI_ARGS.
func (c *call) addInterface() (types.Result, error) {
	if err := mustBeFree(c.rt.NetNS, c.rt.IfName); err != nil {
		return nil, err
	}
	if wish := c.Wish; wish != nil {
		if wish.MAC != "" {
			c.rt.Args = append(c.rt.Args, [2]string{"MAC", wish.MAC})
		}
		if len(wish.IPs) > 0 {
			c.rt.Args = append(c.rt.Args, [2]string{"IP", strings.Join(wish.IPs, ",")})
		}
	}
	if !c.List {
		single, err := libcni.NetworkPluginConfFromBytes(c.Config)
		if err != nil {
			return nil, err
		}
		return c.runner().AddNetwork(context.Background(), single, c.rt)
	}
	list, err := libcni.NetworkConfFromBytes(c.Config)
	if err != nil {
		return nil, err
	}
	return c.runner().AddNetworkList(context.Background(), list, c.rt)
}

func (c *call) delInterface() error {
	logf("verbose", "Del: %s %s from %s", c.rt.ContainerID, c.rt.IfName, c.Name)
	if !c.List {
		single, err := libcni.NetworkPluginConfFromBytes(c.Config)
		if err != nil {
			return err
		}
		return c.runner().DelNetwork(context.Background(), single, c.rt)
	}
	list, err := libcni.NetworkConfFromBytes(c.Config)
	if err != nil {
		return err
	}
	return c.runner().DelNetworkList(context.Background(), list, c.rt)
}

func (c *call) checkInterface() error {
	if !c.List {
		single, err := libcni.NetworkPluginConfFromBytes(c.Config)
		if err != nil {
			return err
		}
		return c.runner().CheckNetwork(context.Background(), single, c.rt)
	}
	list, err := libcni.NetworkConfFromBytes(c.Config)
	if err != nil {
		return err
	}
	return c.runner().CheckNetworkList(context.Background(), list, c.rt)
}

// cacheFile is libcni's file for this network, sandbox and interface.
func (c *call) cacheFile() string {
	return strings.Join([]string{c.conf.CNIDir, "results", c.Network + "-" + c.rt.ContainerID + "-" + c.rt.IfName},
		string(os.PathSeparator))
}
