// The ways to make a cluster, and the choice between them: CLUSTER=netns (namespaces of this machine, the default) or kind.
import type { Programs } from './binaries.ts';
import type { Instance } from './instance.ts';
import { kindProvider } from './kind/provider.ts';
import { netnsProvider } from './netns.ts';
import type { Processes } from './processes.ts';
import type { Progress } from './progress.ts';
import type { Cluster } from './provider.ts';
import type { NodeSpec } from './topology.ts';
import type { ClusterRecord, ProviderName } from './wipe.ts';

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
  /** Whether the nodes' CNI configuration goes through Multus. Default `Configured`; MULTUS_BIN or MULTUS_IMAGE names a real one. */
  readonly multus?: 'Configured' | 'None';
  /** The NetworkAttachmentDefinition kind. Default `Installed`. */
  readonly nadCrd?: 'Installed' | 'None';
  /** A DHCP daemon of the node's own, on the plugin's default socket. Default `None`: the operator brings one. */
  readonly dhcpDaemon?: 'Running' | 'None';
  /** More flags for kube-apiserver. */
  readonly apiServerArgs?: readonly string[];
  /** Where steps are told. Default: standard error. */
  readonly progress?: Progress;
}

/** What a provider works with while it makes a cluster. */
export interface Setting {
  readonly instance: Instance;
  readonly options: ClusterOptions;
  readonly processes: Processes;
  readonly programs: Programs;
  /** Path of what the nodes have as Multus; undefined: they have none. */
  readonly multus: string | undefined;
  readonly progress: Progress;
}

/** One way to make a cluster. Names, locks, records and the end are the same for all, in cluster.ts and wipe.ts. */
export interface Provider {
  /** The programs, built if they are missing. Fast when they are there. */
  programs(progress: Progress): Promise<Programs>;
  /** Everything that can be prepared without a cluster; gives the programs. */
  prepare(progress: Progress): Promise<Programs>;
  /** Makes the cluster, in an empty state folder that holds `record`, and gives the record of what was made. */
  bringUp(setting: Setting, record: ClusterRecord): Promise<ClusterRecord>;
  /** Processes without which the cluster is not up. */
  holdersOf(record: ClusterRecord): readonly string[];
  clusterOf(instance: Instance, record: ClusterRecord, programs: Programs): Cluster;
}

const PROVIDERS: Readonly<Record<ProviderName, Provider>> = { netns: netnsProvider, kind: kindProvider };

/** The provider that the environment names; throws, with the names there are, for another word. */
export function chosenProvider(wanted: string | undefined = process.env['CLUSTER']): ProviderName {
  const name = Object.keys(PROVIDERS).find((known) => known === (wanted || 'netns'));
  if (name === undefined) throw new Error(`CLUSTER=${wanted}: choose one of ${Object.keys(PROVIDERS).join(', ')}`);
  return name as ProviderName;
}

export function providerOf(name: ProviderName): Provider {
  return PROVIDERS[name];
}
