// A real Kubernetes cluster of several nodes on this machine, whoever provides it: one name, one record, one end for all of them.
import { mkdirSync } from 'node:fs';
import { instanceFor } from './instance.ts';
import { withLock } from './lock.ts';
import { chooseMultus, multusWish } from './multus.ts';
import { recordOf } from './pid.ts';
import { Processes } from './processes.ts';
import { printProgress, silent } from './progress.ts';
import type { Cluster } from './provider.ts';
import { type ClusterOptions, chosenProvider, providerOf, type Setting } from './providers.ts';
import { DEFAULT_NODES, nodeFacts } from './topology.ts';
import { type ClusterRecord, type ProviderName, readRecord, wipe, wipeOrphans, writeRecord } from './wipe.ts';

export type { Cluster, NodeHandle } from './provider.ts';
export type { ClusterOptions } from './providers.ts';

/**
 * Starts a cluster and waits until its nodes are Ready and pods can be created in `default`: about ten seconds, in kind about
 * forty. A cluster of the same name, running or crashed, is ended first. When the start fails everything is ended again, unless
 * the environment has KEEP_BROKEN_CLUSTER: then one can look at it, and at the logs in its state folder.
 */
export async function startCluster(options: ClusterOptions): Promise<Cluster> {
  const progress = options.progress ?? printProgress();
  const instance = instanceFor(options.instance);
  const provider = chosenProvider();
  if (process.getuid?.() !== 0) throw new Error('a cluster with nodes is made of namespaces: run this as root');
  const programs = await providerOf(provider).programs(progress);
  const multus = options.multus === 'None' ? undefined : await chooseMultus(multusWish(), programs, progress);
  const waiting = (pid: number) => progress(`waiting for process ${pid}, which starts the same cluster`);
  const start = () => {
    const processes = () => new Processes(instance.folder);
    return startLocked({ instance, options, programs, multus, progress, processes }, provider);
  };
  return withLock(instance.folder, start, waiting);
}

/** A cluster that is up; undefined when there is none of this name, or only the remains of one. */
export async function attachCluster(name: string): Promise<Cluster | undefined> {
  const instance = instanceFor(name);
  const record = readRecord(instance);
  if (record === undefined || record.port === 0) return undefined;
  const provider = providerOf(record.provider);
  const processes = new Processes(instance.folder);
  if (provider.holdersOf(record).some((holder) => processes.running(holder) === undefined)) return undefined;
  return provider.clusterOf(instance, record, await provider.programs(silent));
}

/** Ends a cluster or what is left of one; false when there was nothing. */
export function endCluster(name: string): Promise<boolean> {
  return wipe(instanceFor(name));
}

/** A setting whose folder for processes is not made yet. */
type Plan = Omit<Setting, 'processes'> & { readonly processes: () => Processes };

async function startLocked(plan: Plan, name: ProviderName): Promise<Cluster> {
  const { instance, options, programs, progress } = plan;
  for (const orphan of await wipeOrphans()) progress(`ended the cluster ${orphan}, whose owner is gone`);
  if (await wipe(instance)) progress(`ended what was left of an earlier cluster ${instance.name}`);
  const owner = options.life === 'Owner' ? recordOf(process.pid) : undefined;
  const nodes = nodeFacts(options.nodes ?? DEFAULT_NODES);
  const record: ClusterRecord = { instance: instance.name, provider: name, nodes, owner, port: 0 };
  mkdirSync(instance.folder, { recursive: true, mode: 0o700 });
  writeRecord(instance, record);
  const provider = providerOf(name);
  try {
    progress(`starting the cluster ${instance.name} in ${instance.folder}`);
    const finished = await provider.bringUp({ ...plan, processes: plan.processes() }, record);
    writeRecord(instance, finished);
    progress(`${nodes.length} nodes are ready: export KUBECONFIG=${instance.folder}/kubeconfig`);
    return provider.clusterOf(instance, finished, programs);
  } catch (error) {
    if (process.env['KEEP_BROKEN_CLUSTER'] === undefined) await wipe(instance);
    throw error;
  }
}
