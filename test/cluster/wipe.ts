// The end of a cluster, whole or crashed: everything that bears its name, and nothing else.
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { endCgroup } from './cgroups.ts';
import { type Instance, instanceFor, STATE_PREFIX } from './instance.ts';
import { type ForeignDocker, removeNodes } from './kind/docker.ts';
import { restoreMachine } from './kind/host.ts';
import { unnameSpaces } from './namespaces.ts';
import { isRunning, type ProcessRecord } from './pid.ts';
import { Processes } from './processes.ts';
import type { NodeFacts } from './topology.ts';

/** Who makes a cluster's nodes. */
export type ProviderName = 'netns' | 'kind';

/** What is written down about a cluster when its first process starts, in `cluster.json`. */
export interface ClusterRecord {
  readonly instance: string;
  readonly provider: ProviderName;
  readonly nodes: readonly NodeFacts[];
  /** Process whose end is also the cluster's; undefined: it stays until somebody ends it. */
  readonly owner: ProcessRecord | undefined;
  /** Port of the API on loopback; 0 while it starts. */
  readonly port: number;
  /** The engine that has the nodes, when it was there before the cluster and stays after it. */
  readonly docker?: ForeignDocker;
}

export function recordFileOf(instance: Instance): string {
  return join(instance.folder, 'cluster.json');
}

export function readRecord(instance: Instance): ClusterRecord | undefined {
  try {
    return JSON.parse(readFileSync(recordFileOf(instance), 'utf8')) as ClusterRecord;
  } catch {
    return undefined;
  }
}

export function writeRecord(instance: Instance, record: ClusterRecord): void {
  writeFileSync(recordFileOf(instance), JSON.stringify(record));
}

/**
 * Ends every process of an instance: those that were written down, then whatever else is in its cgroups (containers, their
 * shims). Mounts, links and network namespaces end with the processes that hold them; names and folders are removed here.
 * True when there was anything.
 */
export async function wipe(instance: Instance): Promise<boolean> {
  const there = existsSync(instance.folder);
  const record = readRecord(instance);
  // An engine that does not answer any more has nothing that could be taken from it.
  if (record?.docker !== undefined) await removeNodes(record.docker, instance.name).catch(() => {});
  if (there) {
    const processes = new Processes(instance.folder);
    // Those that would start something anew go first.
    const starters = processes.names().filter((name) => /^(kubelet|containerd)-|^dockerd$/.test(name));
    for (const name of [...starters, ...processes.names()]) await processes.end(name, 0);
  }
  const had = await endCgroup(instance.cgroup);
  const nodes = (record?.nodes ?? []).map((node) => node.name);
  unnameSpaces(instance, ['cp', 'engine', 'lan', 'client', ...nodes]);
  if (there) await restoreMachine(instance);
  if (there) rmSync(instance.folder, { recursive: true, force: true, maxRetries: 5 });
  return there || had;
}

/** Ends clusters whose owner is gone without having ended them. Gives their names. */
export async function wipeOrphans(): Promise<readonly string[]> {
  const wiped: string[] = [];
  for (const entry of readdirSync(tmpdir())) {
    if (!entry.startsWith(STATE_PREFIX) || !existsSync(join(tmpdir(), entry, 'cluster.json'))) continue;
    const instance = instanceFor(entry.slice(STATE_PREFIX.length));
    const owner = readRecord(instance)?.owner;
    if (owner === undefined || isRunning(owner)) continue;
    await wipe(instance);
    wiped.push(instance.name);
  }
  return wiped;
}
