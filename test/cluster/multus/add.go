// ADD: a sandbox gets its interfaces.
package main

import (
	"fmt"

	"github.com/containernetworking/cni/pkg/skel"
	"github.com/containernetworking/cni/pkg/types"
	current "github.com/containernetworking/cni/pkg/types/100"
)

func add(args *skel.CmdArgs) error {
	c, err := loadConfig(args.StdinData)
	if err != nil {
		return fmt.Errorf("Multus: error loading netconf: %v", err)
	}
	who, err := loadPodArgs(args)
	if err != nil {
		return err
	}
	api, err := newKube(c.Kubeconfig)
	if err != nil {
		return logged(fmt.Errorf("Multus: error getting k8s client: %v", err))
	}
	p, err := api.waitForPod(who)
	if err != nil {
		return err
	}
	if err := c.addPodDelegates(api, p); err != nil {
		return who.fail("error loading k8s delegates k8s args: %v", err)
	}
	if err := saveDelegates(c, args.ContainerID); err != nil {
		return who.fail("error saving the delegates: %v", err)
	}
	result, states, err := addAll(c, args, who, api, p)
	if err != nil {
		return err
	}
	if err := api.setNetworkStatus(p, states); err != nil {
		return who.fail("error setting the networks status: %v", err)
	}
	return types.PrintResult(result, c.CNIVersion)
}

// addAll adds network after network; the first failure undoes everything up to itself. The result is the cluster network's.
func addAll(c *config, args *skel.CmdArgs, who *podArgs, api *kube, p *pod) (types.Result, []networkStatus, error) {
	var first types.Result
	var states []networkStatus
	for i, d := range c.delegates {
		one := prepare(c, args, who, d, i)
		result, err := one.addInterface()
		if err != nil {
			_ = deleteAll(c, args, who, i)
			return nil, nil, who.failNetwork(d.Network, err)
		}
		normal, err := current.NewResultFromResult(result)
		if err != nil {
			return nil, nil, who.fail("error setting network status: %v", err)
		}
		addresses := []string{}
		for _, ip := range normal.IPs {
			addresses = append(addresses, ip.Address.String())
		}
		logf("verbose", "Add: %s/%s %s %v from %s", who.namespace(), who.name(), one.rt.IfName, addresses, d.Name)
		api.event(p, "Normal", "AddedInterface", fmt.Sprintf("Add %s %v from %s", one.rt.IfName, addresses, d.Name))
		if err := one.moveDefaultRoute(); err != nil {
			return nil, nil, who.fail("%v", err)
		}
		states = append(states, statesOf(normal, d)...)
		if first == nil {
			first = result
		}
	}
	return first, states, nil
}
