// Command multus is the test cluster's stand-in for the Multus meta-plugin: the runtime calls it for every pod sandbox, it
// runs the cluster network first and then whatever the pod's annotation asks for. What it must do is recorded in
// test/fixtures/multus; it has nothing in common with the operator's own code.
package main

import (
	"github.com/containernetworking/cni/pkg/skel"
	"github.com/containernetworking/cni/pkg/version"
)

func main() {
	skel.PluginMainFuncs(skel.CNIFuncs{
		Add:    add,
		Del:    del,
		Check:  check,
		Status: status,
		GC:     collect,
	}, version.All, "multus stand-in of the test cluster")
}
