// The plugin's own configuration, as the runtime hands it over on stdin.
package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/containernetworking/cni/pkg/skel"
	"github.com/containernetworking/cni/pkg/types"
)

type config struct {
	CNIVersion    string                     `json:"cniVersion"`
	Kubeconfig    string                     `json:"kubeconfig"`
	BinDir        string                     `json:"binDir"`
	ConfDir       string                     `json:"confDir"`
	CNIDir        string                     `json:"cniDir"`
	LogFile       string                     `json:"logFile"`
	Isolated      bool                       `json:"namespaceIsolation"`
	Global        string                     `json:"globalNamespaces"`
	RawDelegates  []json.RawMessage          `json:"delegates"`
	RuntimeConfig map[string]json.RawMessage `json:"runtimeConfig"`
	Valid         []types.GCAttachment       `json:"cni.dev/valid-attachments"`

	delegates []*delegate
}

// loadConfig parses stdin, fills in the usual folders and opens the log. The cluster's own network is delegate 0.
func loadConfig(stdin []byte) (*config, error) {
	c := &config{
		BinDir:  "/opt/cni/bin",
		ConfDir: "/etc/cni/multus/net.d",
		CNIDir:  "/var/lib/cni/multus",
		Global:  "default",
	}
	if err := json.Unmarshal(stdin, c); err != nil {
		return nil, fmt.Errorf("LoadNetConf: failed to load netconf: %v", err)
	}
	openLog(c.LogFile)
	if len(c.RawDelegates) == 0 {
		return nil, errors.New("LoadNetConf: at least one delegate/clusterNetwork must be specified")
	}
	for i, raw := range c.RawDelegates {
		d, err := newDelegate(raw, nil)
		if err != nil {
			return nil, fmt.Errorf("LoadNetConf: failed to load delegate %d config: %v", i, err)
		}
		d.inherit(c.CNIVersion)
		c.delegates = append(c.delegates, d)
	}
	c.delegates[0].Master = true
	return c, nil
}

// binDirs is where plugins are looked for, best first.
func (c *config) binDirs() []string {
	return append([]string{c.BinDir}, filepath.SplitList(os.Getenv("CNI_PATH"))...)
}

// mayUse says whether pods of one namespace may name a network of another.
func (c *config) mayUse(podNamespace, networkNamespace string) bool {
	if !c.Isolated || podNamespace == networkNamespace {
		return true
	}
	return slices.ContainsFunc(strings.Split(c.Global, ","), func(each string) bool {
		return strings.TrimSpace(each) == networkNamespace
	})
}

// podArgs is what the runtime tells about the pod in CNI_ARGS.
type podArgs struct {
	types.CommonArgs
	K8S_POD_NAMESPACE          types.UnmarshallableString
	K8S_POD_NAME               types.UnmarshallableString
	K8S_POD_INFRA_CONTAINER_ID types.UnmarshallableString
	K8S_POD_UID                types.UnmarshallableString
}

func loadPodArgs(args *skel.CmdArgs) (*podArgs, error) {
	p := &podArgs{}
	if err := types.LoadArgs(args.Args, p); err != nil {
		return nil, fmt.Errorf("Multus: error getting k8s args: %v", err)
	}
	return p, nil
}

func (p *podArgs) namespace() string { return string(p.K8S_POD_NAMESPACE) }
func (p *podArgs) name() string      { return string(p.K8S_POD_NAME) }
func (p *podArgs) uid() string       { return string(p.K8S_POD_UID) }

// fail is an error of the meta-plugin itself.
func (p *podArgs) fail(format string, args ...any) error {
	return logged(fmt.Errorf("Multus: [%s/%s/%s]: "+format, append([]any{p.namespace(), p.name(), p.uid()}, args...)...))
}

// failNetwork is an error of one network's plugins.
func (p *podArgs) failNetwork(network string, err error) error {
	return logged(fmt.Errorf("[%s/%s/%s:%s]: error adding container to network %q: %v",
		p.namespace(), p.name(), p.uid(), network, network, err))
}
