// A delegate: one network configuration that will be run for a pod, with the pod's wishes about it.
package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"net"

	"github.com/containernetworking/cni/pkg/types"
)

// delegate is also what is saved per container for the DEL that may come after its NetworkAttachmentDefinition is gone.
type delegate struct {
	// Name as shown to users: namespace/name of the definition, or the configuration's own name.
	Name string `json:"name"`
	// Network is the name inside the configuration, under which results are cached.
	Network string                   `json:"network"`
	List    bool                     `json:"list"`
	Master  bool                     `json:"master,omitempty"`
	Config  []byte                   `json:"config"`
	Wish    *NetworkSelectionElement `json:"wish,omitempty"`
	// DropV4 and DropV6: another network has the pod's default route.
	DropV4 bool `json:"-"`
	DropV6 bool `json:"-"`
}

// newDelegate reads a configuration (a list or the single form) and merges a pod's cni-args into it.
func newDelegate(config []byte, wish *NetworkSelectionElement) (*delegate, error) {
	var head struct {
		Name    string              `json:"name"`
		Type    string              `json:"type"`
		Plugins []*types.PluginConf `json:"plugins"`
	}
	if err := json.Unmarshal(config, &head); err != nil {
		return nil, fmt.Errorf("LoadDelegateNetConf: error unmarshalling delegate config: %v", err)
	}
	d := &delegate{Name: head.Name, Network: head.Name, Config: config, Wish: wish}
	if head.Type == "" {
		if len(head.Plugins) == 0 {
			return nil, errors.New("LoadDelegateNetConf: failed with: LoadDelegateNetConfList: delegate must have the 'type' or 'plugin' field")
		}
		if head.Plugins[0].Type == "" {
			return nil, errors.New("LoadDelegateNetConf: failed with: LoadDelegateNetConfList: a plugin delegate must have the 'type' field")
		}
		d.List = true
	}
	if wish == nil {
		return d, nil
	}
	d.Name = wish.Namespace + "/" + wish.Name
	if wish.CNIArgs == nil {
		return d, nil
	}
	var err error
	d.Config, err = edit(config, func(root map[string]any) {
		for _, plugin := range plugins(root) {
			mergeArgs(plugin, wish.CNIArgs)
		}
	})
	return d, err
}

// inherit gives a list without a version the caller's one.
func (d *delegate) inherit(version string) {
	if !d.List || version == "" {
		return
	}
	edited, err := edit(d.Config, func(root map[string]any) {
		if text, ok := root["cniVersion"].(string); !ok || text == "" {
			root["cniVersion"] = version
		}
	})
	if err == nil {
		d.Config = edited
	}
}

// ifname is the requested name, the runtime's own for the cluster network, else net<position>.
func (d *delegate) ifname(given string, position int) string {
	switch {
	case d.Wish != nil && d.Wish.Interface != "":
		return d.Wish.Interface
	case d.Master:
		return given
	default:
		return fmt.Sprintf("net%d", position)
	}
}

// gateways is the default route that the pod wants through this network.
func (d *delegate) gateways() []net.IP {
	if d.Wish == nil || d.Wish.DefaultRoute == nil {
		return nil
	}
	return *d.Wish.DefaultRoute
}

func edit(config []byte, change func(root map[string]any)) ([]byte, error) {
	root := map[string]any{}
	if err := json.Unmarshal(config, &root); err != nil {
		return nil, err
	}
	change(root)
	return json.Marshal(root)
}

// plugins are the plugin objects of a list, or the configuration itself in the single form.
func plugins(root map[string]any) []map[string]any {
	list, ok := root["plugins"].([]any)
	if !ok {
		return []map[string]any{root}
	}
	var all []map[string]any
	for _, each := range list {
		if plugin, ok := each.(map[string]any); ok {
			all = append(all, plugin)
		}
	}
	return all
}

func mergeArgs(plugin map[string]any, add map[string]json.RawMessage) {
	args := child(plugin, "args")
	cni := child(args, "cni")
	for key, value := range add {
		cni[key] = value
	}
}

func child(parent map[string]any, key string) map[string]any {
	if found, ok := parent[key].(map[string]any); ok {
		return found
	}
	made := map[string]any{}
	parent[key] = made
	return made
}
