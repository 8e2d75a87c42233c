// What the DaemonSets of both node programs have in common: the object around the pod template, the place on every such node, and
// root's rights, down to the ones that the program names.
import type { Kind, KubeObject, OwnerReference } from '../../api/kube.ts';
import { ANNOTATION_TEMPLATE, LABEL_MANAGED_BY, MANAGED_BY } from '../../api/names.ts';
import { base32, hash64 } from '../net/hash.ts';

/** As far as anyone here looks into one. */
export interface DaemonSet extends KubeObject {
  readonly spec?: Readonly<Record<string, unknown>>;
  readonly status?: { readonly desiredNumberScheduled?: number; readonly numberReady?: number };
}

export const DAEMON_SET: Kind<DaemonSet> = {
  apiVersion: 'apps/v1',
  kind: 'DaemonSet',
  plural: 'daemonsets',
  namespaced: true,
};

/** What differs from one installation to the next, whichever program it is. */
export interface NodeProgramSettings {
  /** The operator's own namespace. */
  readonly namespace: string;
  readonly image: string;
  readonly pullPolicy: string;
  readonly logLevel: string;
  /** Dies with this object; a ServiceAccount of the chart, so that an uninstall takes the pods along. */
  readonly owner?: OwnerReference;
}

export interface NodeProgramShape {
  /** Of the DaemonSet, and of its pods in their label. */
  readonly name: string;
  readonly component: string;
  readonly updateStrategy: object;
  readonly podSpec: object;
}

/** Where Multus keeps what the plugins answered, on the node. */
export const RESULTS_FOLDER = '/var/lib/cni/multus/results';
/** Where container runtimes keep the network namespaces of pods, on the node. */
export const NETNS_FOLDER = '/run/netns';

/** The DaemonSet as it should be. Only fields that we own; the server fills in the rest. */
export function nodeDaemonSet(shape: NodeProgramShape, { namespace, owner }: NodeProgramSettings): DaemonSet {
  const { name, component, updateStrategy, podSpec } = shape;
  const matchLabels = { 'app.kubernetes.io/name': name };
  const labels = { ...matchLabels, 'app.kubernetes.io/component': component, [LABEL_MANAGED_BY]: MANAGED_BY };
  const spec = { selector: { matchLabels }, updateStrategy, template: { metadata: { labels }, spec: podSpec } };
  return {
    apiVersion: DAEMON_SET.apiVersion,
    kind: DAEMON_SET.kind,
    metadata: {
      name,
      namespace,
      labels,
      // Applying takes off what the version before asked for, but a DaemonSet that has more than is wanted looks right.
      annotations: { [ANNOTATION_TEMPLATE]: base32(hash64(JSON.stringify(spec)), 13) },
      ...(owner === undefined ? {} : { ownerReferences: [owner] }),
    },
    spec,
  };
}

/** Of the pod: whatever the node's taints, among the last to be evicted, and with the system calls of an ordinary container. */
export const NODE_POD = {
  priorityClassName: 'system-node-critical',
  tolerations: [{ operator: 'Exists' }],
  terminationGracePeriodSeconds: 10,
  securityContext: { seccompProfile: { type: 'RuntimeDefault' } },
};

/**
 * How Node runs a bundle of ours: a small young generation and one helper thread (see also {@link ONE_ARENA}). These programs
 * allocate little, and without limits keep what they once had. (--optimize-for-size saves another 0.4 MiB, and triples the CPU
 * time at rest.)
 */
export function nodeCommand(bundle: string): readonly string[] {
  return ['/usr/local/bin/node', '--max-semi-space-size=1', '--v8-pool-size=1', bundle];
}

/** One arena of malloc, for the same reason. */
export const ONE_ARENA = { name: 'MALLOC_ARENA_MAX', value: '1' };
/** A malloc that gives back what a start needed: half a MiB of the agent's working set. With one of them, the other no longer adapts. */
export const GIVES_BACK = [
  { name: 'MALLOC_MMAP_THRESHOLD_', value: '65536' },
  { name: 'MALLOC_TRIM_THRESHOLD_', value: '65536' },
];

/** Root, on a file system that it cannot write to, with these capabilities and no way to more. */
export function rootWith(capabilities: readonly string[]): object {
  return {
    runAsUser: 0,
    runAsNonRoot: false,
    privileged: false,
    allowPrivilegeEscalation: false,
    readOnlyRootFilesystem: true,
    capabilities: { drop: ['ALL'], add: capabilities },
  };
}
