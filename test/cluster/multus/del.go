// DEL: undone in reverse, from what was saved at ADD; the pod and its definitions may be long gone.
package main

import (
	"errors"
	"os"
	"strings"

	"github.com/containernetworking/cni/pkg/skel"
)

func del(args *skel.CmdArgs) error {
	c, err := loadConfig(args.StdinData)
	if err != nil {
		return err
	}
	who, err := loadPodArgs(args)
	if err != nil {
		return err
	}
	found, err := loadDelegates(c, args.ContainerID)
	if err != nil {
		return who.fail("failed to load netconf: %v", err)
	}
	if !found && !refetch(c, who) {
		// An error here would keep the sandbox for ever.
		return nil
	}
	err = deleteAll(c, args, who, len(c.delegates)-1)
	_ = os.Remove(savedPath(c, args.ContainerID))
	return err
}

// refetch asks the API server again when nothing was saved. Without a pod there is nothing to find out.
func refetch(c *config, who *podArgs) bool {
	api, err := newKube(c.Kubeconfig)
	if err != nil {
		logf("error", "%v", err)
		return false
	}
	p, err := api.pod(who.namespace(), who.name())
	if err != nil || (who.uid() != "" && p.UID != who.uid()) {
		logf("error", "nothing saved for %s/%s and no such pod (%v): nothing to delete", who.namespace(), who.name(), err)
		return false
	}
	if err := c.addPodDelegates(api, p); err != nil {
		logf("error", "%v: only the cluster network is deleted", err)
		c.delegates = c.delegates[:1]
	}
	return true
}

// deleteAll deletes from a position down to the cluster network, all of it whatever fails.
func deleteAll(c *config, args *skel.CmdArgs, who *podArgs, last int) error {
	var failures []string
	for i := last; i >= 0; i-- {
		if err := prepare(c, args, who, c.delegates[i], i).delInterface(); err != nil {
			logf("error", "DEL of %s: %v", c.delegates[i].Name, err)
			failures = append(failures, err.Error())
		}
	}
	if len(failures) > 0 {
		return errors.New(strings.Join(failures, " / "))
	}
	return nil
}
