// Whether everything is in order again after a round: every identity has its pod, which has the identity's own MAC and IP, on the LAN.
import type { Pod } from '../../../src/api/kube.ts';
import type { MacvlanIdentity } from '../../../src/api/v1alpha1/identity.ts';
import { run } from '../../support/run.ts';
import { linksOf } from '../pods.ts';
import { deletePod, endBackOffs } from './deeds.ts';
import type { ChaosStage } from './stage.ts';
import type { Witnesses } from './witnesses.ts';

/** MAC and IP by name of the identity, as they were when it was first seen. */
export type Owned = Map<string, { readonly mac: string; readonly ip: string }>;

/** What a person had to do. */
export interface Help {
  /** Identities released by the annotation, since nothing proved that the pod was gone. */
  releases: number;
  /** Pods that ran without their link for so long that somebody deleted them. */
  replaced: number;
}

/** What is not in order yet, in words; nothing when all is. Notes the addresses of identities that are seen for the first time. */
export async function disorder(stage: ChaosStage, witnesses: Witnesses, owned: Owned): Promise<readonly string[]> {
  const objects = new Map((await stage.identityObjects()).map((one) => [one.metadata.name, one]));
  const pods = new Map((await stage.pods()).map((pod) => [pod.metadata.uid ?? '', pod]));
  return stage.identities.flatMap((name) => {
    const wrong = whatIsWrong(objects.get(name), pods, witnesses, owned);
    return wrong === undefined ? [] : [`${name}: ${wrong}`];
  });
}

function whatIsWrong(
  identity: MacvlanIdentity | undefined,
  pods: ReadonlyMap<string, Pod>,
  witnesses: Witnesses,
  owned: Owned,
): string | undefined {
  if (identity === undefined) return 'is not there';
  const { mac = '', ips: [ip = ''] = [] } = identity.spec.attachments?.[0] ?? {};
  const own = { mac, ip: ip.replace(/\/.*/, '') };
  const before = owned.get(identity.metadata.name);
  if (before === undefined && mac !== '' && ip !== '') owned.set(identity.metadata.name, own);
  if (before !== undefined && (before.mac !== own.mac || before.ip !== own.ip)) {
    throw new Error(`${identity.metadata.name} had ${before.mac} ${before.ip} and has ${own.mac} ${own.ip}`);
  }
  const pod = pods.get(identity.status?.holder?.uid ?? '');
  if (pod === undefined) return 'has no pod';
  if (pod.metadata.deletionTimestamp !== undefined) return `${pod.metadata.name} is going`;
  if (pod.status?.phase !== 'Running') return `${pod.metadata.name} does not run`;
  const [link] = linksOf(JSON.stringify(pod));
  if (link === undefined) return `${pod.metadata.name} has no link`;
  if (link.mac !== own.mac || link.ips[0] !== own.ip) {
    throw new Error(`${pod.metadata.name} has ${link.mac} ${link.ips[0]} and should have ${own.mac} ${own.ip}`);
  }
  const held = witnesses.held().filter((one) => one.mac === own.mac);
  const isThere = held.some((one) => one.up && one.node === pod.spec.nodeName && one.ips.includes(own.ip));
  return isThere ? undefined : `${pod.metadata.name} runs and has no link in the kernel`;
}

/**
 * What a careful person does about a pod that waits: looks on the node whether anything of the one before is left there, and only
 * then says that it is gone.
 */
export async function helpAlong(stage: ChaosStage, witnesses: Witnesses, help: Help): Promise<void> {
  await endBackOffs(stage);
  const uids = new Set((await stage.pods()).map(({ metadata }) => metadata.uid));
  for (const { metadata, spec, status } of await stage.identityObjects()) {
    const { holder, conditions = [] } = status ?? {};
    const waits = conditions.some(
      ({ type, status: is, reason }) => type === 'Waiting' && is === 'True' && reason === 'HolderAlive',
    );
    if (!waits || holder === undefined || uids.has(holder.uid)) continue;
    const mac = spec.attachments?.[0]?.mac;
    if (witnesses.held().some((link) => link.mac === mac) || (await hasCgroup(holder.uid))) continue;
    const annotate = ['-n', metadata.namespace ?? '', 'annotate', '--overwrite', 'mvi', metadata.name];
    const { code } = await stage.cluster.kubectl([...annotate, `macvlan.dev/release=${holder.uid}`]);
    if (code === 0) help.releases += 1;
  }
}

/** As long as a kubelet has anything to do with a pod, the pod has a cgroup. */
async function hasCgroup(uid: string): Promise<boolean> {
  const { stdout } = await run(['find', '/sys/fs/cgroup', '-maxdepth', '8', '-name', `*pod${uid}*`, '-print', '-quit']);
  return stdout.trim() !== '';
}

/** Pods that run without their link, since nothing could be repaired: somebody has them made again. */
export async function replaceLinkless(stage: ChaosStage, witnesses: Witnesses, help: Help): Promise<void> {
  const macs = new Set(witnesses.held().map(({ mac }) => mac));
  for (const pod of await stage.pods()) {
    const [link] = linksOf(JSON.stringify(pod));
    const isIdle = pod.metadata.deletionTimestamp !== undefined || pod.status?.phase !== 'Running';
    if (isIdle || link === undefined || macs.has(link.mac)) continue;
    help.replaced += 1;
    await deletePod(stage, pod, undefined);
  }
}
