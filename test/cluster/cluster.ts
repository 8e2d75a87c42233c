// A real Kubernetes cluster of several nodes on this machine, without a container engine: each node is a set of namespaces.
//
//   loopback port ──▶ cp: etcd, kube-apiserver, controllers, scheduler ── mgmt bridge 10.89.0.0/24 ──▶ eth0 of each node
//   lan: br0 192.0.2.1/24, DHCP ──▶ LAN NIC of each node (each with a name of its own), client 192.0.2.50
import { cpSync, mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { buildTools, type Programs } from './binaries.ts';
import { createCgroup } from './cgroups.ts';
import { type Control, startControl, startControllers } from './cluster-control.ts';
import { clusterOf } from './handles.ts';
import { type Instance, instanceFor } from './instance.ts';
import { kubeconfigFor } from './kubeconfig.ts';
import { plugNic, startLan } from './lan.ts';
import { withLock } from './lock.ts';
import { MULTUS_USER } from './manifests.ts';
import { harnessCgroup, type Space } from './namespaces.ts';
import * as node from './node.ts';
import { recordOf } from './pid.ts';
import { Processes } from './processes.ts';
import { type Progress, printProgress, silent } from './progress.ts';
import type { Cluster, Provider } from './provider.ts';
import { makeReady } from './readiness.ts';
import { allTools, cniPlugins, programOf } from './tools.ts';
import { API_PORT, CONTROL_ADDRESS, DEFAULT_NODES, type NodeFacts, type NodeSpec, nodeFacts } from './topology.ts';
import { type ClusterRecord, readRecord, recordFileOf, wipe, wipeOrphans } from './wipe.ts';

export type { Cluster, NodeHandle } from './provider.ts';

export interface ClusterOptions {
  /** Name of this cluster among others on the machine: up to 24 of a-z, 0-9, "-". */
  readonly instance: string;
  /** Default: node-a with enp3s0, node-b with lan0. */
  readonly nodes?: readonly NodeSpec[];
  /**
   * `Owner`: when this process is gone without having ended the cluster, the next start of any cluster does it.
   * `Detached` (default): it stays until somebody ends it.
   */
  readonly life?: 'Owner' | 'Detached';
  /** Whether the nodes' CNI configuration goes through Multus. Default `Configured`; MULTUS_BIN names a real one to use. */
  readonly multus?: 'Configured' | 'None';
  /** The NetworkAttachmentDefinition kind. Default `Installed`. */
  readonly nadCrd?: 'Installed' | 'None';
  /** The DHCP plugin's daemon on each node. Default `Running`. */
  readonly dhcpDaemon?: 'Running' | 'None';
  /** More flags for kube-apiserver. */
  readonly apiServerArgs?: readonly string[];
  /** Where steps are told. Default: standard error. */
  readonly progress?: Progress;
}

/**
 * Starts a cluster and waits until its nodes are Ready and pods can be created in `default`: about ten seconds. A cluster of
 * the same name, running or crashed, is ended first. When the start fails everything is ended again, unless the environment
 * has KEEP_BROKEN_CLUSTER: then one can look at it, and at the logs in its state folder.
 */
export async function startCluster(options: ClusterOptions): Promise<Cluster> {
  const progress = options.progress ?? printProgress();
  const instance = instanceFor(options.instance);
  if (process.getuid?.() !== 0) throw new Error('a cluster with nodes is made of namespaces: run this as root');
  const programs = await buildTools(allTools(), progress);
  const waiting = (pid: number) => progress(`waiting for process ${pid}, which starts the same cluster`);
  return withLock(instance.folder, () => startLocked(instance, options, programs, progress), waiting);
}

/** A cluster that is up; undefined when there is none of this name, or only the remains of one. */
export async function attachCluster(name: string): Promise<Cluster | undefined> {
  const instance = instanceFor(name);
  const record = readRecord(instance);
  if (record === undefined || record.port === 0) return undefined;
  const processes = new Processes(instance.folder);
  const holders = ['cp', 'lan', 'client', ...record.nodes.map((one) => one.name)];
  if (holders.some((holder) => processes.running(`space-${holder}`) === undefined)) return undefined;
  return clusterOf(instance, record, await buildTools(allTools(), silent));
}

/** Ends a cluster or what is left of one; false when there was nothing. */
export function endCluster(name: string): Promise<boolean> {
  return wipe(instanceFor(name));
}

async function startLocked(
  instance: Instance,
  options: ClusterOptions,
  programs: Programs,
  progress: Progress,
): Promise<Cluster> {
  for (const orphan of await wipeOrphans()) progress(`ended the cluster ${orphan}, whose owner is gone`);
  if (await wipe(instance)) progress(`ended what was left of an earlier cluster ${instance.name}`);
  const facts = nodeFacts(options.nodes ?? DEFAULT_NODES);
  const owner = options.life === 'Owner' ? recordOf(process.pid) : undefined;
  const record: ClusterRecord = { instance: instance.name, nodes: facts, owner, port: 0 };
  mkdirSync(instance.folder, { recursive: true, mode: 0o700 });
  writeFileSync(recordFileOf(instance), JSON.stringify(record));
  try {
    const port = await bringUp(instance, options, facts, { programs, progress });
    writeFileSync(recordFileOf(instance), JSON.stringify({ ...record, port }));
    return clusterOf(instance, { ...record, port }, programs);
  } catch (error) {
    if (process.env['KEEP_BROKEN_CLUSTER'] === undefined) await wipe(instance);
    throw error;
  }
}

/** This folder's clusters, for suites that know a cluster only as a provider. */
export const netnsProvider: Provider<ClusterOptions> = { up: startCluster, attach: attachCluster };

interface Setting {
  readonly programs: Programs;
  readonly progress: Progress;
}

async function bringUp(
  instance: Instance,
  options: ClusterOptions,
  facts: readonly NodeFacts[],
  { programs, progress }: Setting,
): Promise<number> {
  createCgroup(harnessCgroup(instance));
  const processes = new Processes(instance.folder);
  progress(`starting the cluster ${instance.name} in ${instance.folder}`);
  const [control, { lan }] = await Promise.all([
    startControl(instance, processes, programs, options.apiServerArgs ?? []),
    startLan(instance, processes),
  ]);
  const spaces = await Promise.all(
    facts.map((one) => startNode({ instance, processes, options, control }, programs, one)),
  );
  await Promise.all(
    spaces.map(async (space, index) => {
      const own = facts[index];
      if (own === undefined) return;
      await node.connectNode(
        control.space,
        space,
        own,
        facts.filter((other) => other !== own),
      );
      await plugNic(lan, space, own);
    }),
  );
  progress('networks are up; waiting for the API server');
  await control.ready;
  startControllers(instance, processes, programs, control);
  for (const [index, space] of spaces.entries()) {
    await node.waitForContainerd(processes, space);
    const own = facts[index];
    if (own !== undefined) node.startOn(instance, processes, space, node.kubeletArgv(own));
    if (options.dhcpDaemon !== 'None') node.startOn(instance, processes, space, node.dhcpDaemonArgv());
  }
  progress('the API server is ready; waiting for the nodes');
  const record: ClusterRecord = { instance: instance.name, nodes: facts, owner: undefined, port: control.port };
  await makeReady(clusterOf(instance, record, programs), options.nadCrd ?? 'Installed');
  progress(`${facts.length} nodes are ready: export KUBECONFIG=${join(instance.folder, 'kubeconfig')}`);
  return control.port;
}

interface NodeSetting {
  readonly instance: Instance;
  readonly processes: Processes;
  readonly options: ClusterOptions;
  readonly control: Control;
}

async function startNode(setting: NodeSetting, programs: Programs, facts: NodeFacts): Promise<Space> {
  const { instance, processes, options, control } = setting;
  const { authority } = control;
  const kubeconfig = (commonName: string, organization?: string) => {
    const user = authority.issue({ commonName, ...(organization === undefined ? {} : { organization }) });
    return kubeconfigFor({ server: `https://${CONTROL_ADDRESS}:${API_PORT}`, ca: authority.cert, user });
  };
  const multus = process.env['MULTUS_BIN'] || programs['multus'];
  const configured = options.multus !== 'None' && multus !== undefined;
  const plugins = cniPlugins.packages.map((path) => programs[programOf(cniPlugins, path)] ?? '');
  const folder = node.nodeFolder(instance, facts.name);
  const space = await node.createNode(
    instance,
    processes,
    {
      facts,
      folder,
      cgroup: node.nodeCgroup(instance, facts.name),
      authority: authority.cert,
      kubeletKubeconfig: kubeconfig(`system:node:${facts.name}`, 'system:nodes'),
      multusKubeconfig: configured ? kubeconfig(MULTUS_USER) : undefined,
      plugins: plugins,
    },
    [...new Set(['containerd', 'runc', 'kubelet', 'cnitool'].map((name) => dirname(programs[name] ?? '')))],
  );
  if (configured) cpSync(multus, join(folder, 'opt/cni/bin/multus'));
  node.startOn(instance, processes, space, node.containerdArgv());
  return space;
}
