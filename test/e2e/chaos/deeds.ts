// What goes wrong in a round: each deed does its harm, and gives back how to make good what does not mend by itself.
import { setTimeout as sleep } from 'node:timers/promises';
import type { Pod } from '../../../src/api/kube.ts';
import { LEASE_NAME } from '../../../src/controller/controller.ts';
import { LEASE } from '../../../src/kernel/leader/lease.ts';
import { recordOf, signal } from '../../cluster/pid.ts';
import type { Random } from '../../support/random.ts';
import { OPERATOR_NAMESPACE } from '../world.ts';
import type { ChaosStage } from './stage.ts';

export type Undo = () => Promise<void>;
export interface Deed {
  readonly name: string;
  /** How often it is picked, among the others. */
  readonly weight: number;
  readonly commit: (stage: ChaosStage, random: Random) => Promise<Undo | undefined>;
}

const CONTROLLER = 'macvlan-controller';

export const DEEDS: readonly Deed[] = [
  { name: 'delete pods', weight: 5, commit: (stage, random) => deletePods(stage, random, undefined) },
  { name: 'delete pods by force', weight: 5, commit: (stage, random) => deletePods(stage, random, 0) },
  { name: 'cut a node off from the API server', weight: 3, commit: cutOff },
  { name: 'cut a node off and replace its pods by force', weight: 3, commit: cutOffAndForce },
  { name: 'pull the LAN NIC out', weight: 2, commit: pullOut },
  { name: 'kill a kubelet', weight: 2, commit: ({ cluster }, random) => random.pick(cluster.nodes).crash('kubelet') },
  {
    name: 'kill a containerd',
    weight: 1,
    commit: ({ cluster }, random) => random.pick(cluster.nodes).crash('containerd'),
  },
  { name: 'kill the leader', weight: 2, commit: (stage) => toLeader(stage, 'SIGKILL') },
  { name: 'freeze the leader', weight: 2, commit: (stage) => toLeader(stage, 'SIGSTOP') },
  { name: 'delete the pod of the leader', weight: 1, commit: deleteLeader },
  { name: 'kill an agent', weight: 1, commit: killAgent },
];

export function pickDeed(random: Random): Deed {
  return random.pick(DEEDS.flatMap((deed) => Array.from({ length: deed.weight }, () => deed)));
}

async function deletePods(stage: ChaosStage, random: Random, grace: number | undefined): Promise<undefined> {
  const pods = await stage.pods();
  const chosen = random.some(pods, Math.min(0.5, (1 + random.below(6)) / Math.max(1, pods.length)));
  await Promise.all(chosen.map((pod) => deletePod(stage, pod, grace)));
  return undefined;
}

/** By uid: a pod that came meanwhile is another one. */
export async function deletePod(stage: ChaosStage, { metadata }: Pod, grace: number | undefined): Promise<void> {
  const { namespace = '', name, uid } = metadata;
  await stage.client.transport.request({
    method: 'DELETE',
    path: `/api/v1/namespaces/${namespace}/pods/${name}`,
    body: { preconditions: { uid }, ...(grace === undefined ? {} : { gracePeriodSeconds: grace }) },
  });
}

async function cutOff(stage: ChaosStage, random: Random): Promise<Undo> {
  const node = random.pick(stage.cluster.nodes);
  await node.setManagement('down');
  return () => node.setManagement('up');
}

/** What an impatient person does, and should not: the pods run on. */
async function cutOffAndForce(stage: ChaosStage, random: Random): Promise<Undo> {
  const node = random.pick(stage.cluster.nodes);
  await node.setManagement('down');
  const there = (await stage.pods()).filter((pod) => pod.spec.nodeName === node.name);
  await Promise.all(random.some(there, 0.3).map((pod) => deletePod(stage, pod, 0)));
  return () => node.setManagement('up');
}

async function pullOut({ cluster }: ChaosStage, random: Random): Promise<Undo> {
  const node = random.pick(cluster.nodes);
  await node.unplug();
  return () => node.plug();
}

async function toLeader(stage: ChaosStage, name: 'SIGKILL' | 'SIGSTOP'): Promise<Undo | undefined> {
  const leader = await leaderOf(stage);
  const pid = leader === undefined ? undefined : await pidOf(stage, leader);
  const record = pid === undefined ? undefined : recordOf(pid);
  if (record === undefined) return undefined;
  signal(record, name);
  if (name === 'SIGKILL') return undefined;
  return async () => {
    signal(record, 'SIGCONT');
  };
}

async function leaderOf(stage: ChaosStage): Promise<Pod | undefined> {
  const lease = await stage.client.get(LEASE, { namespace: OPERATOR_NAMESPACE, name: LEASE_NAME });
  const holder = lease?.spec?.holderIdentity ?? '';
  return (await stage.pods(OPERATOR_NAMESPACE)).find(({ metadata }) => holder.startsWith(metadata.name));
}

async function deleteLeader(stage: ChaosStage): Promise<undefined> {
  const leader = await leaderOf(stage);
  if (leader !== undefined) await deletePod(stage, leader, undefined);
  return undefined;
}

async function killAgent(stage: ChaosStage, random: Random): Promise<undefined> {
  const agents = (await stage.pods(OPERATOR_NAMESPACE)).filter(({ metadata }) => !metadata.name.startsWith(CONTROLLER));
  if (agents.length === 0) return undefined;
  const pid = await pidOf(stage, random.pick(agents));
  const record = pid === undefined ? undefined : recordOf(pid);
  if (record !== undefined) signal(record, 'SIGKILL');
  return undefined;
}

interface ContainerStatuses {
  readonly containerStatuses?: readonly {
    readonly containerID?: string;
    readonly restartCount: number;
    readonly state?: { readonly waiting?: { readonly reason?: string } };
  }[];
}

async function pidOf({ cluster }: ChaosStage, pod: Pod): Promise<number | undefined> {
  const [container] = (pod.status as ContainerStatuses | undefined)?.containerStatuses ?? [];
  if (container?.containerID === undefined || pod.spec.nodeName === undefined) return undefined;
  return cluster
    .node(pod.spec.nodeName)
    .containerPid(container.containerID)
    .catch(() => undefined);
}

/** A program that is killed over and over is started less and less often. New pods of it know nothing of that. */
export async function endBackOffs(stage: ChaosStage): Promise<void> {
  for (const pod of await stage.pods(OPERATOR_NAMESPACE)) {
    const [container] = (pod.status as ContainerStatuses | undefined)?.containerStatuses ?? [];
    if (container?.state?.waiting?.reason === 'CrashLoopBackOff') await deletePod(stage, pod, undefined);
  }
}

/** Commits some deeds at about the same time, lets them work for a while, and takes them back. Gives their names. */
export async function commitSome(stage: ChaosStage, random: Random, longestMs: number): Promise<readonly string[]> {
  const deeds = Array.from({ length: 1 + random.below(3) }, () => pickDeed(random));
  const undoings: Undo[] = [];
  const names: string[] = [];
  // One at a time for each node's parts: what is cut off already cannot be cut off.
  for (const deed of deeds) {
    if (names.includes(deed.name) && deed.name !== 'delete pods') continue;
    try {
      const undo = await deed.commit(stage, random);
      if (undo !== undefined) undoings.push(undo);
      names.push(deed.name);
    } catch (error) {
      names.push(`${deed.name} (not possible: ${String(error).slice(0, 80)})`);
    }
    await sleep(random.below(400));
  }
  await sleep(undoings.length === 0 ? random.below(500) : 500 + random.below(longestMs));
  for (const undo of undoings) await undo();
  return names;
}
