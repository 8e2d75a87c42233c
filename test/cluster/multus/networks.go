// From the pod's annotation to delegates: the definitions are read from the API server.
package main

import (
	"encoding/json"
	"errors"
	"fmt"

	"github.com/containernetworking/cni/libcni"
)

// addPodDelegates appends what the pod asked for to the cluster's own network.
func (c *config) addPodDelegates(api *kube, p *pod) error {
	wishes, err := parseAnnotation(p.annotation(networksAnnotation), p.Namespace)
	if err != nil {
		return err
	}
	for _, wish := range wishes {
		d, err := c.podDelegate(api, p, wish)
		if err != nil {
			return fmt.Errorf("TryLoadPodDelegates: error in getting k8s network for pod: GetNetworkDelegates: %v", err)
		}
		c.delegates = append(c.delegates, d)
	}
	return markDefaultRoutes(c.delegates)
}

func (c *config) podDelegate(api *kube, p *pod, wish *NetworkSelectionElement) (*delegate, error) {
	if !c.mayUse(p.Namespace, wish.Namespace) {
		return nil, fmt.Errorf("namespace isolation enabled, annotation violates permission, pod is in namespace %v but "+
			"refers to target namespace %v", p.Namespace, wish.Namespace)
	}
	text, err := api.networkConfig(wish.Namespace, wish.Name)
	if err != nil {
		message := fmt.Sprintf("cannot find a network-attachment-definition (%s) in namespace (%s): %v", wish.Name, wish.Namespace, err)
		api.event(p, "Warning", "NoNetworkFound", message)
		return nil, fmt.Errorf("failed getting the delegate: getKubernetesDelegate: %s", message)
	}
	config, err := c.completeConfig(text, wish.Name)
	if err != nil {
		return nil, fmt.Errorf("failed getting the delegate: %v", err)
	}
	d, err := newDelegate(config, wish)
	if err != nil {
		return nil, fmt.Errorf("failed getting the delegate: %v", err)
	}
	d.inherit(c.CNIVersion)
	return d, nil
}

// completeConfig puts the definition's name into a configuration without one; an empty definition means a file on the
// node whose configuration has the definition's name.
func (c *config) completeConfig(text, name string) ([]byte, error) {
	if text == "" {
		list, err := libcni.LoadNetworkConf(c.ConfDir, name)
		if err != nil {
			return nil, err
		}
		return list.Bytes, nil
	}
	var head struct {
		Name string `json:"name"`
	}
	if err := json.Unmarshal([]byte(text), &head); err != nil {
		return nil, fmt.Errorf("GetCNIConfig: err in getCNIConfigFromSpec: %v", err)
	}
	if head.Name != "" {
		return []byte(text), nil
	}
	return edit([]byte(text), func(root map[string]any) { root["name"] = name })
}

// markDefaultRoutes finds who gives the pod its default route: when one network is asked for it, the others lose theirs.
func markDefaultRoutes(all []*delegate) error {
	asked, v4, v6 := false, 0, 0
	for _, d := range all {
		asked = asked || (d.Wish != nil && d.Wish.DefaultRoute != nil)
		d.DropV4, d.DropV6 = true, true
		for _, gateway := range d.gateways() {
			if gateway.To4() != nil {
				v4, d.DropV4 = v4+1, false
			} else {
				v6, d.DropV6 = v6+1, false
			}
		}
	}
	if v4 > 1 || v6 > 1 {
		return errors.New("multus does not support ECMP for default-route")
	}
	if !asked {
		for _, d := range all {
			d.DropV4, d.DropV6 = false, false
		}
	}
	return nil
}
