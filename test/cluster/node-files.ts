// The files of a node: what kubelet, containerd and CNI read. Paths are those of an ordinary node, since each node has its own.

import { randomBytes } from 'node:crypto';
import { cpSync, existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import type { NodeFacts } from './topology.ts';

export const PAUSE_IMAGE = 'localhost/macvlan-operator-pause:test';
export const MULTUS_KUBECONFIG = '/etc/cni/net.d/multus.d/multus.kubeconfig';
export const CONTAINERD_SOCKET = '/run/containerd/containerd.sock';
/** Where the programs are seen inside a node. */
export const PROGRAMS = '/run/programs';

export interface NodeFiles {
  readonly facts: NodeFacts;
  /** Folder that holds the node's etc/, opt/ and var/. */
  readonly folder: string;
  /** cgroup below which kubelet keeps its pods. */
  readonly cgroup: string;
  readonly authority: string;
  readonly kubeletKubeconfig: string;
  /** Kubeconfig of Multus; undefined: the cluster network alone is configured. */
  readonly multusKubeconfig: string | undefined;
  /** CNI plugins to put into /opt/cni/bin. */
  readonly plugins: readonly string[];
}

/** What our programs need of the machine's /etc; a node's own is otherwise empty. */
const FROM_MACHINE = [
  ...['alternatives', 'ld.so.cache', 'ld.so.conf', 'ld.so.conf.d', 'nsswitch.conf', 'passwd', 'group'],
  ...['protocols', 'services', 'ethertypes', 'iproute2', 'os-release', 'localtime'],
];

export function writeNodeFiles(files: NodeFiles): void {
  for (const name of FROM_MACHINE) {
    const target = join(files.folder, 'etc', name);
    mkdirSync(dirname(target), { recursive: true });
    if (existsSync(`/etc/${name}`)) cpSync(`/etc/${name}`, target, { recursive: true, verbatimSymlinks: true });
  }
  const { name, address } = files.facts;
  const texts: Record<string, string> = {
    'etc/hostname': `${name}\n`,
    'etc/hosts': `127.0.0.1 localhost\n${address} ${name}\n`,
    'etc/resolv.conf': '',
    'etc/machine-id': `${randomBytes(16).toString('hex')}\n`,
    'etc/containerd/config.toml': containerdConfig(),
    'etc/kubernetes/kubelet.conf': files.kubeletKubeconfig,
    'etc/kubernetes/ca.crt': files.authority,
    'etc/kubernetes/kubelet.json': JSON.stringify(kubeletConfiguration(files), undefined, 2),
    ...networkFiles(files),
  };
  for (const [path, text] of Object.entries(texts)) {
    mkdirSync(dirname(join(files.folder, path)), { recursive: true });
    writeFileSync(join(files.folder, path), text, { mode: path.includes('kube') ? 0o600 : 0o644 });
  }
  for (const folder of ['opt/cni/bin', 'var/log', 'var/lib/kubelet', 'var/lib/containerd', 'var/lib/cni']) {
    mkdirSync(join(files.folder, folder), { recursive: true });
  }
  for (const plugin of files.plugins) cpSync(plugin, join(files.folder, 'opt/cni/bin', basename(plugin)));
}

function containerdConfig(): string {
  const cri = 'io.containerd.cri.v1';
  return `version = 3
root = "/var/lib/containerd"
state = "/run/containerd"
[grpc]
  address = "${CONTAINERD_SOCKET}"
[plugins.'${cri}.images'.pinned_images]
  sandbox = "${PAUSE_IMAGE}"
[plugins.'${cri}.runtime']
  # without CAP_SYS_RESOURCE runc may not lower the score and fails with "can't get final child's PID from pipe: EOF"
  restrict_oom_score_adj = true
[plugins.'${cri}.runtime'.cni]
  bin_dirs = ["/opt/cni/bin"]
  conf_dir = "/etc/cni/net.d"
[plugins.'${cri}.runtime'.containerd.runtimes.runc]
  runtime_type = "io.containerd.runc.v2"
  [plugins.'${cri}.runtime'.containerd.runtimes.runc.options]
    SystemdCgroup = false
    BinaryName = "${PROGRAMS}/runc/runc"
`;
}

function kubeletConfiguration(files: NodeFiles): object {
  return {
    apiVersion: 'kubelet.config.k8s.io/v1beta1',
    kind: 'KubeletConfiguration',
    cgroupDriver: 'cgroupfs',
    cgroupRoot: `/${files.cgroup}`,
    failCgroupV1: false,
    failSwapOn: false,
    enforceNodeAllocatable: [],
    containerRuntimeEndpoint: `unix://${CONTAINERD_SOCKET}`,
    authentication: {
      anonymous: { enabled: false },
      webhook: { enabled: true },
      x509: { clientCAFile: '/etc/kubernetes/ca.crt' },
    },
    authorization: { mode: 'Webhook' },
    evictionHard: { 'imagefs.available': '1%', 'nodefs.available': '1%', 'memory.available': '50Mi' },
    imageGCHighThresholdPercent: 100,
    imageGCLowThresholdPercent: 99,
    maxPods: 250,
    resolvConf: '/etc/resolv.conf',
    clusterDNS: ['10.96.0.10'],
    volumePluginDir: '/var/lib/kubelet/volume-plugins', // the default is outside what a node has for itself
  };
}

/** CNI's configuration by path: the cluster network, through Multus where it has a kubeconfig. */
export function networkFiles(files: Pick<NodeFiles, 'facts' | 'multusKubeconfig'>): Readonly<Record<string, string>> {
  const network = {
    cniVersion: '1.0.0',
    name: 'cluster',
    plugins: [
      {
        type: 'bridge',
        bridge: 'cni0',
        isGateway: true,
        hairpinMode: true,
        ipam: {
          type: 'host-local',
          ranges: [[{ subnet: files.facts.podSubnet }]],
          routes: [{ dst: '0.0.0.0/0' }],
        },
      },
      { type: 'portmap', capabilities: { portMappings: true } },
    ],
  };
  if (files.multusKubeconfig === undefined) return { 'etc/cni/net.d/10-cluster.conflist': JSON.stringify(network) };
  const multus = {
    cniVersion: '1.0.0',
    name: 'multus-cni-network',
    type: 'multus',
    kubeconfig: MULTUS_KUBECONFIG,
    capabilities: { portMappings: true },
    delegates: [network],
    logLevel: 'verbose',
    logFile: '/var/log/multus.log',
  };
  return {
    'etc/cni/net.d/00-multus.conf': JSON.stringify(multus),
    [MULTUS_KUBECONFIG.slice(1)]: files.multusKubeconfig,
  };
}
