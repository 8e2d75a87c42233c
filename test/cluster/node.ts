// One node of a test cluster: a namespace with its own network, mounts and host name, and in it containerd and kubelet.
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { runOrThrow, searchPath } from '../support/run.ts';
import { SERVICE_ADDRESS } from './api-server.ts';
import { createCgroup, insideCgroup } from './cgroups.ts';
import type { Instance } from './instance.ts';
import {
  type Entry,
  harnessCgroup,
  inside,
  ipBatch,
  nameSpace,
  type Space,
  separated,
  setSysctls,
} from './namespaces.ts';
import { CONTAINERD_SOCKET, type NodeFiles, PROGRAMS, writeNodeFiles } from './node-files.ts';
import type { Processes } from './processes.ts';
import { API_PORT, CONTROL_ADDRESS, type NodeFacts, POD_RANGE } from './topology.ts';

export const NODE_ENTRY: Entry = ['net', 'mount', 'uts'];

/** Kernel settings that kubelet insists on. A node shows it what it wants to see, and the machine keeps its own. */
const KUBELET_WANTS: Readonly<Record<string, string>> = {
  'vm/overcommit_memory': '1',
  'vm/panic_on_oom': '0',
  'kernel/panic': '10',
  'kernel/panic_on_oops': '1',
  'kernel/keys/root_maxkeys': '1000000',
  'kernel/keys/root_maxbytes': '25000000',
};

export function nodeFolder(instance: Instance, name: string): string {
  return join(instance.folder, 'nodes', name);
}

export function nodeCgroup(instance: Instance, name: string): string {
  return `${instance.cgroup}/${name}`;
}

/**
 * Makes the node's namespaces. Its /run is empty and dies with it (so do the pods' network namespaces, which containerd keeps
 * there), its /etc, /opt, /var/lib and /var/log are folders under the state folder, the rest is the machine's.
 */
export async function createNode(
  instance: Instance,
  processes: Processes,
  files: NodeFiles,
  programFolders: readonly string[],
): Promise<Space> {
  const { name } = files.facts;
  createCgroup(nodeCgroup(instance, name));
  writeNodeFiles(files);
  const script = join(files.folder, 'enter.sh');
  writeFileSync(script, entryScript(files, programFolders));
  const ready = join(files.folder, 'ready');
  const unshare = ['unshare', '--net', '--uts', '--mount', '--propagation', 'private', '--', 'sh', script];
  const { pid } = processes.start(`space-${name}`, insideCgroup(harnessCgroup(instance), unshare), {
    life: 'Detached',
  });
  await separated(pid);
  nameSpace(instance, name, pid);
  while (!existsSync(ready)) {
    if (processes.running(`space-${name}`) === undefined)
      throw new Error(`${name}: ${processes.lastWords(`space-${name}`)}`);
    await sleep(5);
  }
  return { name, pid, entry: NODE_ENTRY };
}

/** What the holder does before it falls asleep. Sources come before what may hide them: the state folder may be anywhere. */
function entryScript(files: NodeFiles, programFolders: readonly string[]): string {
  const folder = files.folder;
  const run = join(folder, 'run');
  const seen = join(folder, 'kernel');
  mkdirSync(run, { recursive: true });
  for (const [key, value] of Object.entries(KUBELET_WANTS)) {
    mkdirSync(dirname(join(seen, key)), { recursive: true });
    writeFileSync(join(seen, key), `${value}\n`);
  }
  const programs = programFolders.map((path) => [path, `${run}/programs/${toolOf(path)}`] as const);
  const lines = [
    'set -e',
    `mount -t tmpfs -o mode=755 tmpfs ${quote(run)}`,
    ...programs.flatMap(([from, to]) => [`mkdir -p ${quote(to)}`, `mount --bind ${quote(from)} ${quote(to)}`]),
    // sysfs shows the links of the network namespace in which it was mounted
    `mkdir ${quote(`${run}/cgroup`)}`,
    `mount --rbind /sys/fs/cgroup ${quote(`${run}/cgroup`)}`,
    'mount -t sysfs sysfs /sys',
    `mount --rbind ${quote(`${run}/cgroup`)} /sys/fs/cgroup`,
    `umount -l ${quote(`${run}/cgroup`)}`,
    `rmdir ${quote(`${run}/cgroup`)}`,
    ...Object.keys(KUBELET_WANTS).map(
      (key) => `[ ! -e /proc/sys/${key} ] || mount --bind ${quote(join(seen, key))} /proc/sys/${key}`,
    ),
    `hostname ${files.facts.name}`,
    ...['etc', 'opt', 'var/lib', 'var/log'].map((path) => `mkdir -p ${quote(join(folder, path))}`),
    // relative to the open working directory: a mount may hide the state folder's own path
    `cd ${quote(folder)}`,
    ...['opt', 'etc', 'var/log', 'var/lib'].map((path) => `mount --no-canonicalize --bind ${path} /${path}`),
    'mount --no-canonicalize --rbind run /run',
    'mount --make-rshared /',
    ': > ready',
    'cd /',
    'exec sleep infinity',
  ];
  return `${lines.join('\n')}\n`;
}

/** `/cache/bin/runc-1.4.3-abc` → `runc` */
function toolOf(folder: string): string {
  return folder.slice(folder.lastIndexOf('/') + 1).split('-')[0] ?? '';
}

function quote(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}

/** The node's place on the management network: default route, ways to the other nodes' pods, the Service `kubernetes`. */
export async function connectNode(
  control: Space,
  node: Space,
  facts: NodeFacts,
  others: readonly NodeFacts[],
): Promise<void> {
  await ipBatch(control, [
    `link add ${facts.name} type veth peer name eth0 netns ${node.pid}`,
    `link set ${facts.name} master mgmt up`,
  ]);
  await ipBatch(node, [
    'link set lo up',
    `address add ${facts.address}/24 dev eth0`,
    'link set eth0 up',
    `route add default via ${CONTROL_ADDRESS}`,
    ...others.map((other) => `route add ${other.podSubnet} via ${other.address}`),
  ]);
  await ipBatch(control, [`route add ${facts.podSubnet} via ${facts.address}`]);
  await setSysctls(node, { 'net.ipv4.ip_forward': '1' });
  const service = `-d ${SERVICE_ADDRESS}/32 -p tcp -m tcp --dport 443 -j DNAT --to-destination ${CONTROL_ADDRESS}:${API_PORT}`;
  const rules = [
    '*nat',
    `-A PREROUTING ${service}`,
    `-A OUTPUT ${service}`,
    `-A POSTROUTING -s ${facts.podSubnet} ! -d ${POD_RANGE} -j MASQUERADE`,
    'COMMIT',
    '',
  ];
  await runOrThrow(inside(node, ['iptables-restore', '--noflush']), { input: rules.join('\n') });
}

/** Starts a program of the harness on a node. */
export function startOn(instance: Instance, processes: Processes, node: Space, argv: readonly string[]): void {
  const [program = ''] = argv;
  const name = `${program.slice(program.lastIndexOf('/') + 1)}-${node.name}`;
  processes.start(name, insideCgroup(harnessCgroup(instance), inside(node, argv)), {
    life: 'Detached',
    env: { PATH: nodePath() },
  });
}

/** Programs of the cluster first, then the machine's. */
export function nodePath(): string {
  const own = ['containerd', 'runc', 'kubernetes', 'cnitool'].map((tool) => `${PROGRAMS}/${tool}`);
  return [...own, searchPath()].join(':');
}

export function containerdArgv(): readonly string[] {
  return [`${PROGRAMS}/containerd/containerd`, '--config', '/etc/containerd/config.toml'];
}

export function kubeletArgv(facts: NodeFacts): readonly string[] {
  return [
    `${PROGRAMS}/kubernetes/kubelet`,
    '--config=/etc/kubernetes/kubelet.json',
    '--kubeconfig=/etc/kubernetes/kubelet.conf',
    '--root-dir=/var/lib/kubelet',
    '--cert-dir=/var/lib/kubelet/pki',
    `--hostname-override=${facts.name}`,
    `--node-ip=${facts.address}`,
  ];
}

/** The DHCP plugin's daemon; it listens on /run/cni/dhcp.sock. */
export function dhcpDaemonArgv(): readonly string[] {
  return ['/opt/cni/bin/dhcp', 'daemon'];
}

/** Waits until containerd answers on its socket. */
export async function waitForContainerd(processes: Processes, node: Space): Promise<void> {
  const socket = `/proc/${node.pid}/root${CONTAINERD_SOCKET}`;
  const deadline = performance.now() + 60_000;
  while (!existsSync(socket)) {
    if (processes.running(`containerd-${node.name}`) === undefined || performance.now() > deadline) {
      throw new Error(`containerd on ${node.name} does not answer:\n${processes.lastWords(`containerd-${node.name}`)}`);
    }
    await sleep(20);
  }
}
