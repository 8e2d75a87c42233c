// The DaemonSet of the agents: on the nodes that the controller has labelled, with NET_ADMIN; and with SYS_ADMIN or NET_RAW while a
// wish needs it.
import { AGENT_NAME, DHCP_FOLDER, LABEL_AGENT } from '../../api/names.ts';
import {
  type DaemonSet,
  GIVES_BACK,
  NETNS_FOLDER,
  NODE_POD,
  type NodeProgramSettings,
  nodeCommand,
  nodeDaemonSet,
  ONE_ARENA,
  RESULTS_FOLDER,
  rootWith,
} from './node-daemonset.ts';

/** What differs from one installation to the next. */
export interface AgentSettings extends NodeProgramSettings {
  readonly serviceAccount: string;
  /** Where the node keeps its CNI plugin binaries. */
  readonly cniBinDir: string;
  /** Ports on the node's own loopback address: the agent shares the node's network. */
  readonly healthPort: number;
  readonly metricsPort: number;
  /** Some attachment wants links made again inside running pods, for which the agent has to enter their namespaces. */
  readonly entersPods: boolean;
  /** Some attachment wants to know whether the LAN filters MAC addresses, for which the agent asks by ARP on a packet socket. */
  readonly probesLan: boolean;
}

const CNI_BIN_PATH = '/host/cni/bin';
/** Where these folders of the node are seen from the agent. */
const MULTUS_RESULTS = { node: RESULTS_FOLDER, agent: '/host/cni/multus/results' };
const NETNS = { node: NETNS_FOLDER, agent: '/host/run/netns' };
/** By the cgroups of pods the agent knows of whom nothing is left, and by its own which folder is this node's. */
const CGROUPS = { node: '/sys/fs/cgroup', agent: '/host/sys/fs/cgroup' };
/** The kernel's settings of links: a container sees its own /proc/sys read-only. Only files of shims are written. */
const NET_SETTINGS = { node: '/proc/sys/net', agent: '/host/proc/sys/net' };

/** The DaemonSet as it should be. */
export function agentDaemonSetFor(settings: AgentSettings): DaemonSet {
  const shape = {
    name: AGENT_NAME,
    component: 'agent',
    // An agent that restarts cuts nobody off: shims and aliases stay while it is away.
    updateStrategy: { type: 'RollingUpdate', rollingUpdate: { maxUnavailable: '10%' } },
    podSpec: podSpecFor(settings),
  };
  return nodeDaemonSet(shape, settings);
}

function podSpecFor(settings: AgentSettings): Readonly<Record<string, unknown>> {
  return {
    serviceAccountName: settings.serviceAccount,
    nodeSelector: { [LABEL_AGENT]: 'true' },
    hostNetwork: true,
    // The API server is reached by address; names need no cluster DNS, which may itself wait for a network.
    dnsPolicy: 'Default',
    ...NODE_POD,
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
    command: nodeCommand('/app/agent.mjs'),
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
      ONE_ARENA,
      ...GIVES_BACK,
    ],
    resources: { requests: { cpu: '10m', memory: '32Mi' }, limits: { memory: '128Mi' } },
    // Links are changed by root with NET_ADMIN in the node's own network namespace; SYS_ADMIN is for entering those of pods,
    // NET_RAW for packet sockets.
    securityContext: rootWith(rightsFor(settings)),
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
