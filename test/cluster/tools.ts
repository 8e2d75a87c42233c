// Which programs the test cluster is made of: what each is built from, and how. Versions are pinned by the go.mod beside it.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { kubernetesRelease } from './kubernetes.ts';

/** One Go module under test/cluster/ and the programs that are built from it. */
export interface Tool {
  readonly name: string;
  /** For the folder name in the cache and for people; go.mod and go.sum decide what is really built. */
  readonly version: string;
  /** Folder of the module. */
  readonly folder: string;
  /** Import paths of the main packages; each becomes a program named after its last element. */
  readonly packages: readonly string[];
  /** Linker settings besides `-s -w`: the versions that the programs show. */
  readonly stamps: Readonly<Record<string, string>>;
  readonly tags: readonly string[];
  /** Needs a C compiler. */
  readonly cgo: boolean;
  /** In Go's words; default: this machine's. */
  readonly architecture?: string;
  /** About how many seconds a first build took on two cores; shown while one waits. */
  readonly seconds: number;
}

const here = import.meta.dirname;
const KUBERNETES = kubernetesRelease();
const CONTAINERD = 'github.com/containerd/containerd/v2';
const CNI = 'github.com/containernetworking/plugins';

const defaults = { stamps: {}, tags: [], cgo: false };

export const kubernetes: Tool = {
  ...defaults,
  name: 'kubernetes',
  version: KUBERNETES.version,
  folder: KUBERNETES.folder,
  packages: ['kube-apiserver', 'kubectl', 'kube-controller-manager', 'kube-scheduler', 'kubelet'].map(
    (program) => `k8s.io/kubernetes/cmd/${program}`,
  ),
  stamps: Object.fromEntries(
    ['k8s.io/component-base/version', 'k8s.io/client-go/pkg/version'].flatMap((path) => [
      [`${path}.gitVersion`, `v${KUBERNETES.version}`],
      [`${path}.gitMajor`, '1'],
      [`${path}.gitMinor`, KUBERNETES.minor.replace('1.', '')],
      [`${path}.gitTreeState`, 'clean'],
    ]),
  ),
  seconds: 385,
};

/** What a kind node runs of Kubernetes besides the programs above: in a module of its own, so that those stay as they are. */
export const kubernetesNode: Tool = {
  ...kubernetes,
  name: 'kubernetes-node',
  folder: join(here, 'tools/kubernetes-node', KUBERNETES.minor),
  packages: ['kubeadm', 'kube-proxy'].map((program) => `k8s.io/kubernetes/cmd/${program}`),
  seconds: 40,
};

export const etcd: Tool = {
  ...defaults,
  name: 'etcd',
  version: '3.6.16',
  folder: join(here, 'tools/etcd'),
  packages: ['macvlan.dev/test/cluster/tools/etcd'],
  seconds: 29,
};

export const containerd: Tool = {
  ...defaults,
  name: 'containerd',
  version: '2.3.7',
  folder: join(here, 'tools/containerd'),
  packages: ['containerd', 'containerd-shim-runc-v2', 'ctr'].map((program) => `${CONTAINERD}/cmd/${program}`),
  stamps: { [`${CONTAINERD}/version.Version`]: '2.3.7' },
  tags: ['no_btrfs', 'no_zfs'],
  seconds: 83,
};

/** Shows the version that its own VERSION file holds. */
export const runc: Tool = {
  ...defaults,
  name: 'runc',
  version: '1.4.3',
  folder: join(here, 'tools/runc'),
  packages: ['github.com/opencontainers/runc'],
  tags: ['seccomp'],
  cgo: true,
  seconds: 18,
};

export const cniPlugins: Tool = {
  ...defaults,
  name: 'cni',
  version: '1.9.1',
  folder: join(here, 'tools/cni'),
  packages: [
    ...['main/macvlan', 'main/bridge', 'main/ptp', 'main/loopback', 'main/host-device'],
    ...['ipam/static', 'ipam/host-local', 'ipam/dhcp', 'meta/tuning', 'meta/portmap', 'meta/sbr'],
  ].map((plugin) => `${CNI}/plugins/${plugin}`),
  stamps: { [`${CNI}/pkg/utils/buildversion.BuildVersion`]: 'v1.9.1' },
  seconds: 16,
};

/** The one program of them that the image carries, for an architecture (in Go's words) that is not this machine's. */
export function dhcpPluginFor(architecture: string): Tool {
  const packages = [`${CNI}/plugins/ipam/dhcp`];
  return { ...cniPlugins, name: `cni-${architecture}`, packages, architecture, seconds: 30 };
}

/** Runs a CNI plugin by hand; built from the plugins' module, kept out of their folder. */
export const cnitool: Tool = {
  ...defaults,
  name: 'cnitool',
  version: '1.3.0',
  folder: join(here, 'tools/cni'),
  packages: ['github.com/containernetworking/cni/cnitool'],
  seconds: 1,
};

export const helm: Tool = {
  ...defaults,
  name: 'helm',
  version: '3.22.0',
  folder: join(here, 'tools/helm'),
  packages: ['helm.sh/helm/v3/cmd/helm'],
  stamps: {
    'helm.sh/helm/v3/internal/version.version': 'v3.22.0',
    'helm.sh/helm/v3/pkg/chartutil.k8sVersionMajor': '1',
    'helm.sh/helm/v3/pkg/chartutil.k8sVersionMinor': '36',
    'helm.sh/helm/v3/pkg/lint/rules.k8sVersionMajor': '1',
    'helm.sh/helm/v3/pkg/lint/rules.k8sVersionMinor': '36',
  },
  seconds: 73,
};

export const kind: Tool = {
  ...defaults,
  name: 'kind',
  version: '0.33.0',
  folder: join(here, 'tools/kind'),
  packages: ['sigs.k8s.io/kind'],
  seconds: 10,
};

/** Fetches images from registries; built when an image is to come from one. */
export const crane: Tool = {
  ...defaults,
  name: 'crane',
  version: '0.22.1',
  folder: join(here, 'tools/crane'),
  packages: ['github.com/google/go-containerregistry/cmd/crane'],
  seconds: 29,
};

/** Has only the plugins that kubeadm configures. */
export const coredns: Tool = {
  ...defaults,
  name: 'coredns',
  version: '1.14.2',
  folder: join(here, 'tools/coredns'),
  packages: ['macvlan.dev/test/cluster/tools/coredns'],
  seconds: 110,
};

/** Our own programs: the stand-in for Multus and the static test program that pods run. Built from source in this repository. */
export const multus: Tool = {
  ...defaults,
  name: 'multus',
  version: 'standin',
  folder: join(here, 'multus'),
  packages: ['.'],
  seconds: 10,
};

export const toolbox: Tool = {
  ...defaults,
  name: 'toolbox',
  version: 'test',
  folder: join(here, 'toolbox'),
  packages: ['.'],
  seconds: 5,
};

/** Everything that a cluster with nodes needs, in the order in which it is built: the longest last but one. */
export function allTools(): readonly Tool[] {
  const own = [multus, toolbox].filter((tool) => existsSync(join(tool.folder, 'go.mod')));
  return [...own, etcd, kubernetes, runc, cniPlugins, cnitool, containerd, helm];
}

/** What a kind cluster needs besides: `kind` itself, and the rest for a node image that is built here. */
export function nodeImageTools(): readonly Tool[] {
  return [kubernetesNode, coredns];
}

/** Name of the program that a package becomes: Go's rule, the last element of the path that is not a major version. */
export function programOf(tool: Tool, path: string): string {
  if (path === '.') return tool.name;
  const last = path
    .split('/')
    .filter((part) => !/^v\d+$/.test(part))
    .at(-1);
  return last ?? tool.name;
}
