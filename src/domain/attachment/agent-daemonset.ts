// The DaemonSet of the agents: on the nodes that the controller has labelled, with NET_ADMIN; and with SYS_ADMIN or NET_RAW while a
// wish needs it.
import type { Kind, KubeObject, OwnerReference } from '../../api/kube.ts';
import {
  AGENT_NAME,
  ANNOTATION_TEMPLATE,
  DHCP_FOLDER,
  LABEL_AGENT,
  LABEL_MANAGED_BY,
  MANAGED_BY,
} from '../../api/names.ts';
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

/** What differs from one installation to the next. */
export interface AgentSettings {
  /** The operator's own namespace. */
  readonly namespace: string;
  readonly image: string;
  readonly pullPolicy: string;
  readonly serviceAccount: string;
  /** Where the node keeps its CNI plugin binaries. */
  readonly cniBinDir: string;
  readonly logLevel: string;
  /** Ports on the node's own loopback address: the agent shares the node's network. */
  readonly healthPort: number;
  readonly metricsPort: number;
  /** Some attachment wants links made again inside running pods, for which the agent has to enter their namespaces. */
  readonly entersPods: boolean;
  /** Some attachment wants to know whether the LAN filters MAC addresses, for which the agent asks by ARP on a packet socket. */
  readonly probesLan: boolean;
  /** Dies with this object; the chart's ServiceAccount, so that an uninstall takes the agents along. */
  readonly owner?: OwnerReference;
}

const CNI_BIN_PATH = '/host/cni/bin';
/** Where Multus keeps what the plugins answered, and where it is seen from the agent. */
const MULTUS_RESULTS = { node: '/var/lib/cni/multus/results', agent: '/host/cni/multus/results' };
/** Where container runtimes keep the network namespaces of pods, and where they are seen from the agent. */
const NETNS = { node: '/run/netns', agent: '/host/run/netns' };
/** By the cgroups of pods the agent knows of whom nothing is left, and by its own which folder is this node's. */
const CGROUPS = { node: '/sys/fs/cgroup', agent: '/host/sys/fs/cgroup' };
/** The kernel's settings of links: a container sees its own /proc/sys read-only. Only files of shims are written. */
const NET_SETTINGS = { node: '/proc/sys/net', agent: '/host/proc/sys/net' };
const SELECTOR = { 'app.kubernetes.io/name': AGENT_NAME };
const LABELS = { ...SELECTOR, 'app.kubernetes.io/component': 'agent', [LABEL_MANAGED_BY]: MANAGED_BY };

/** The DaemonSet as it should be. Only fields that we own; the server fills in the rest. */
export function agentDaemonSetFor(settings: AgentSettings): DaemonSet {
  const spec = {
    selector: { matchLabels: SELECTOR },
    // An agent that restarts cuts nobody off: shims and aliases stay while it is away.
    updateStrategy: { type: 'RollingUpdate', rollingUpdate: { maxUnavailable: '10%' } },
    template: { metadata: { labels: LABELS }, spec: podSpecFor(settings) },
  };
  return {
    apiVersion: DAEMON_SET.apiVersion,
    kind: DAEMON_SET.kind,
    metadata: {
      name: AGENT_NAME,
      namespace: settings.namespace,
      labels: LABELS,
      // Applying takes off what the version before asked for, but a DaemonSet that has more than is wanted looks right.
      annotations: { [ANNOTATION_TEMPLATE]: base32(hash64(JSON.stringify(spec)), 13) },
      ...(settings.owner === undefined ? {} : { ownerReferences: [settings.owner] }),
    },
    spec,
  };
}

function podSpecFor(settings: AgentSettings): Readonly<Record<string, unknown>> {
  return {
    serviceAccountName: settings.serviceAccount,
    nodeSelector: { [LABEL_AGENT]: 'true' },
    hostNetwork: true,
    // The API server is reached by address; names need no cluster DNS, which may itself wait for a network.
    dnsPolicy: 'Default',
    priorityClassName: 'system-node-critical',
    tolerations: [{ operator: 'Exists' }],
    terminationGracePeriodSeconds: 10,
    securityContext: { seccompProfile: { type: 'RuntimeDefault' } },
    containers: [containerFor(settings)],
    volumes: [
      { name: 'cni-bin', hostPath: { path: settings.cniBinDir } },
      // The first pod of a node makes these two; the agent may be there before it.
      { name: 'multus-results', hostPath: { path: MULTUS_RESULTS.node, type: 'DirectoryOrCreate' } },
      { name: 'netns', hostPath: { path: NETNS.node, type: 'DirectoryOrCreate' } },
      { name: 'cgroups', hostPath: { path: CGROUPS.node, type: 'Directory' } },
      { name: 'dhcp', hostPath: { path: DHCP_FOLDER, type: 'DirectoryOrCreate' } },
      { name: 'net-settings', hostPath: { path: NET_SETTINGS.node, type: 'Directory' } },
    ],
  };
}

function containerFor(settings: AgentSettings): Readonly<Record<string, unknown>> {
  return {
    name: 'agent',
    image: settings.image,
    imagePullPolicy: settings.pullPolicy,
    // A small young generation, one helper thread and one arena of malloc: an agent allocates little, and without limits
    // keeps what it once had. (--optimize-for-size saves another 0.4 MiB, and triples the CPU time at rest.)
    command: ['/usr/local/bin/node', '--max-semi-space-size=1', '--v8-pool-size=1', '/app/agent.mjs'],
    env: [
      { name: 'NODE_NAME', valueFrom: { fieldRef: { fieldPath: 'spec.nodeName' } } },
      { name: 'POD_UID', valueFrom: { fieldRef: { fieldPath: 'metadata.uid' } } },
      { name: 'LOG_LEVEL', value: settings.logLevel },
      { name: 'HEALTH_PORT', value: String(settings.healthPort) },
      { name: 'METRICS_PORT', value: String(settings.metricsPort) },
      { name: 'CNI_BIN_PATH', value: CNI_BIN_PATH },
      { name: 'MULTUS_RESULTS_PATH', value: MULTUS_RESULTS.agent },
      { name: 'NETNS_PATH', value: NETNS.agent },
      { name: 'NET_SETTINGS_PATH', value: NET_SETTINGS.agent },
      { name: 'CGROUP_PATH', value: CGROUPS.agent },
      { name: 'MALLOC_ARENA_MAX', value: '1' },
    ],
    resources: { requests: { cpu: '10m', memory: '32Mi' }, limits: { memory: '128Mi' } },
    securityContext: {
      // Links are changed by root with NET_ADMIN in the node's own network namespace; SYS_ADMIN is for entering those of pods,
      // NET_RAW for packet sockets.
      runAsUser: 0,
      runAsNonRoot: false,
      privileged: false,
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ['ALL'], add: rightsFor(settings) },
    },
    livenessProbe: { ...probe('/healthz', settings.healthPort), initialDelaySeconds: 10, failureThreshold: 3 },
    readinessProbe: { ...probe('/readyz', settings.healthPort), failureThreshold: 2 },
    volumeMounts: [
      { name: 'cni-bin', mountPath: CNI_BIN_PATH, readOnly: true },
      { name: 'multus-results', mountPath: MULTUS_RESULTS.agent, readOnly: true },
      // Namespaces are mounts: those of later pods have to come through.
      { name: 'netns', mountPath: NETNS.agent, readOnly: true, mountPropagation: 'HostToContainer' },
      { name: 'cgroups', mountPath: CGROUPS.agent, readOnly: true },
      // The socket of the DHCP supervisor, which speaks to root alone.
      { name: 'dhcp', mountPath: `/host${DHCP_FOLDER}`, readOnly: true },
      { name: 'net-settings', mountPath: NET_SETTINGS.agent },
    ],
  };
}

function rightsFor({ entersPods, probesLan }: AgentSettings): readonly string[] {
  return ['NET_ADMIN', ...(probesLan ? ['NET_RAW'] : []), ...(entersPods ? ['SYS_ADMIN'] : [])];
}

/** hostNetwork: the probe stays on the node's loopback, so the port need not be open to the LAN. */
function probe(path: string, port: number): Readonly<Record<string, unknown>> {
  return { httpGet: { host: '127.0.0.1', path, port, scheme: 'HTTP' }, periodSeconds: 10, timeoutSeconds: 3 };
}
