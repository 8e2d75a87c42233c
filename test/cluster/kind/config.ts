// What kind is told about a cluster: names of the nodes as the suites know them, pods on all of them, an audit log on this machine.
import { join } from 'node:path';
import { type NodeFacts, POD_RANGE } from '../topology.ts';
import type { CgroupDriver } from './capabilities.ts';

export interface KindFacts {
  readonly nodes: readonly NodeFacts[];
  /** `1.36`: decides how kubeadm's file is written. */
  readonly minor: string;
  /** Folder on this machine with the API server's audit policy and tokens; the audit log is written beside them. */
  readonly apiFolder: string;
  readonly apiServerArgs: readonly string[];
  /** Port of the API where Docker publishes it; 0: any. */
  readonly apiPort: number;
  /** Who makes pods' cgroups: told to kubelet and to containerd, whatever the image's own settings say. */
  readonly cgroups: CgroupDriver;
  /** `Restricted`: root may not lower a process's score, and runc must not try. */
  readonly oomScores: 'Free' | 'Restricted';
}

export const AUDIT_POLICY = 'audit-policy.json';
export const AUDIT_LOG = 'audit.log';
export const TOKENS = 'tokens.csv';
/** That folder as node and API server see it. */
const API_FOLDER = '/etc/kubernetes/harness';

/** Name of a node's container. kind makes them from the role and counts workers from the second on. */
export function containerName(cluster: string, index: number): string {
  if (index === 0) return `${cluster}-control-plane`;
  return index === 1 ? `${cluster}-worker` : `${cluster}-worker${index}`;
}

/** kind's configuration: the first node has the control plane. */
export function kindConfig(facts: KindFacts): object {
  return {
    kind: 'Cluster',
    apiVersion: 'kind.x-k8s.io/v1alpha4',
    networking: {
      disableDefaultCNI: true,
      podSubnet: POD_RANGE,
      ...(facts.apiPort === 0 ? {} : { apiServerPort: facts.apiPort }),
    },
    kubeadmConfigPatches: [clusterPatch(facts), kubeletPatch(facts)].map((patch) => JSON.stringify(patch)),
    containerdConfigPatches: containerdPatches(facts),
    nodes: facts.nodes.map((node, index) => ({
      role: index === 0 ? 'control-plane' : 'worker',
      kubeadmConfigPatches: [JSON.stringify(nodePatch(node, index, facts.nodes.length))],
      ...(index === 0 ? { extraMounts: [{ hostPath: facts.apiFolder, containerPath: API_FOLDER }] } : {}),
    })),
  };
}

/** Pods are to run on the node of the control plane as well; where it is the only one kind sees to that, and must find the taint. */
function nodePatch({ name }: NodeFacts, index: number, count: number): object {
  if (index > 0) return { kind: 'JoinConfiguration', nodeRegistration: { name } };
  return { kind: 'InitConfiguration', nodeRegistration: { name, ...(count > 1 ? { taints: [] } : {}) } };
}

function kubeletPatch({ cgroups }: KindFacts): object {
  return { kind: 'KubeletConfiguration', cgroupDriver: cgroups, failCgroupV1: false, maxPods: 250 };
}

/**
 * What the machine needs of containerd. An image comes with systemd's cgroups and free scores, be it the standard one or built here;
 * kind applies the patch that has the version of the image's own file, in which the same plugin has another name.
 */
function containerdPatches({ cgroups, oomScores }: KindFacts): readonly string[] {
  return [
    [2, 'io.containerd.grpc.v1.cri'],
    [3, 'io.containerd.cri.v1.runtime'],
  ].map(([version, plugin]) =>
    [
      `version = ${version}`,
      `[plugins."${plugin}"]`,
      `restrict_oom_score_adj = ${oomScores === 'Restricted'}`,
      `[plugins."${plugin}".containerd.runtimes.runc.options]`,
      `SystemdCgroup = ${cgroups === 'systemd'}`,
    ].join('\n'),
  );
}

function clusterPatch({ minor, apiServerArgs }: KindFacts): object {
  const args = {
    'runtime-config': '', // kind's own, which a list of ours takes the place of
    'audit-policy-file': join(API_FOLDER, AUDIT_POLICY),
    'audit-log-path': join(API_FOLDER, AUDIT_LOG),
    'token-auth-file': join(API_FOLDER, TOKENS),
    ...Object.fromEntries(apiServerArgs.map(splitArgument)),
  };
  // From this version on kind writes kubeadm's newer format, in which arguments are a list.
  const isList = Number(minor.split('.')[1]) >= 36;
  return {
    kind: 'ClusterConfiguration',
    apiServer: {
      extraArgs: isList ? Object.entries(args).map(([name, value]) => ({ name, value })) : args,
      extraVolumes: [{ name: 'harness', hostPath: API_FOLDER, mountPath: API_FOLDER, pathType: 'Directory' }],
    },
  };
}

function splitArgument(argument: string): readonly [string, string] {
  const [, name = '', value = ''] = /^--([^=]+)=(.*)$/.exec(argument) ?? [];
  return [name, value];
}
