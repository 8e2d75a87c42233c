// CHECK, STATUS and GC are about the cluster network only; pods' own networks are not asked.
package main

import (
	"context"

	"github.com/containernetworking/cni/libcni"
	"github.com/containernetworking/cni/pkg/skel"
)

func check(args *skel.CmdArgs) error {
	c, err := loadConfig(args.StdinData)
	if err != nil {
		return err
	}
	who, err := loadPodArgs(args)
	if err != nil {
		return err
	}
	for i, d := range c.delegates {
		if err := prepare(c, args, who, d, i).checkInterface(); err != nil {
			return err
		}
	}
	return nil
}

func status(args *skel.CmdArgs) error {
	return withClusterNetwork(args, func(c *config, cni *libcni.CNIConfig, list *libcni.NetworkConfigList) error {
		return cni.GetStatusNetworkList(context.Background(), list)
	})
}

func collect(args *skel.CmdArgs) error {
	return withClusterNetwork(args, func(c *config, cni *libcni.CNIConfig, list *libcni.NetworkConfigList) error {
		return cni.GCNetworkList(context.Background(), list, &libcni.GCArgs{ValidAttachments: c.Valid})
	})
}

func withClusterNetwork(args *skel.CmdArgs, do func(*config, *libcni.CNIConfig, *libcni.NetworkConfigList) error) error {
	c, err := loadConfig(args.StdinData)
	if err != nil {
		return err
	}
	first := c.delegates[0]
	if !first.List {
		return nil
	}
	list, err := libcni.NetworkConfFromBytes(first.Config)
	if err != nil {
		return err
	}
	return do(c, libcni.NewCNIConfigWithCacheDir(c.binDirs(), c.CNIDir, nil), list)
}
