// How each pod's link stands: what the pod asked for, what Multus says it got, what the plugins made, and what is there now.
//
//   asked, runs, was never attached ──▶ NeverAttached
//   attached ──(its namespace lacks the link)──▶ Ghost ──(made again in place)──▶ Repaired
//      └──(there, but with older settings or on another NIC)──▶ Stale
import type { Pod } from '../../api/kube.ts';
import { ANNOTATION_NETWORKS } from '../../api/multus.ts';
import type { MacvlanAttachment } from '../../api/v1alpha1/attachment.ts';
import type { ProblemStatus } from '../../api/v1alpha1/attachment-status.ts';
import type { NodePod, PodRival } from '../../api/v1alpha1/node-state.ts';
import type { Problem } from '../problem.ts';
import type { AttachedPod } from './attached.ts';
import { type CachedLink, isForeignLink, keyOfLink } from './cached-link.ts';
import { contested, type Rivals } from './contested.ts';
import { settingsOf } from './link-settings.ts';
import { addressesOf, duplicatesIn, type LiveAddress } from './live-addresses.ts';
import { isUnreadable, parseNetworks } from './networks.ts';

/** A link as the kernel shows it in the pod's namespace. */
export interface LiveLink {
  /** Index of the NIC below, in the node's namespace. */
  readonly lower?: number;
  /** It carries the mark of a repair. */
  readonly isRepaired: boolean;
  /** Its global addresses; missing where they could not be read. */
  readonly addresses?: readonly LiveAddress[];
}

/** What is known of one link. Unseen: its namespace cannot be looked into, or is gone. */
export interface LinkSight {
  readonly cached: CachedLink;
  readonly live: LiveLink | 'Missing' | 'Unseen';
  /** Why it was not made again. */
  readonly refusal?: Problem;
}

/** By {@link keyOfLink}. */
export type LinkSights = ReadonlyMap<string, LinkSight>;

/** A pod's link with its state. */
export interface PodLink extends AttachedPod {
  /** Addresses for which somebody else on the LAN answered. */
  readonly duplicates?: readonly string[];
  /** Who that is, where it is known. */
  readonly rivals?: readonly PodRival[];
  readonly state: NodePod['state'];
  readonly problem?: ProblemStatus;
}

export interface LinkFacts {
  readonly pods: readonly Pod[];
  /** Links by what Multus wrote on the pods. */
  readonly attached: readonly AttachedPod[];
  readonly attachments: ReadonlyMap<string, MacvlanAttachment>;
  readonly sights: LinkSights;
  /** Other devices on the LAN that have addresses of links. */
  readonly rivals?: Rivals;
  /** What was said of the links before: it stands where nobody can see, or nobody has looked since the agent was started. */
  readonly before: readonly NodePod[];
  /** Index of the verified NIC by attachment. */
  readonly parents: ReadonlyMap<string, number>;
}

/** The state of every link that there is or should be, sorted. */
export function judgeLinks(facts: LinkFacts): readonly PodLink[] {
  const settings = new Map<string, string | undefined>();
  for (const [name, attachment] of facts.attachments) settings.set(name, settingsOf(attachment)?.fingerprint);
  const before = new Map(facts.before.map((link) => [keyOfLink(link), link]));
  const own = facts.attached.filter((link) => {
    const sight = facts.sights.get(keyOfLink(link));
    return sight === undefined || !isForeignLink(sight.cached);
  });
  const links = own.map((link) => {
    const sight = facts.sights.get(keyOfLink(link));
    const judged = sight === undefined ? undefined : judge(sight, settings, facts.parents);
    const now = withRivals({ ...link, ...ipsNow(sight) }, facts.rivals?.get(keyOfLink(link)));
    return { ...now, ...(judged ?? saidBefore(before.get(keyOfLink(link)))) };
  });
  return [...links, ...neverAttached(facts)].sort((a, b) => (sortKey(a) < sortKey(b) ? -1 : 1));
}

/** What is on the link counts more than what is written on the pod. */
function ipsNow(sight: LinkSight | undefined): Partial<Pick<PodLink, 'ips' | 'duplicates'>> {
  if (sight === undefined || typeof sight.live === 'string' || sight.live.addresses === undefined) return {};
  const { granted, learnt } = addressesOf(sight.cached, sight.live.addresses);
  const duplicates = duplicatesIn(sight.live.addresses);
  return { ips: [...granted, ...learnt].sort(), ...(duplicates.length === 0 ? {} : { duplicates }) };
}

function withRivals<T extends AttachedPod & Pick<PodLink, 'duplicates'>>(link: T, rivals: readonly PodRival[] = []): T {
  const addresses = contested(rivals, link);
  if (addresses.length === 0) return link;
  return { ...link, duplicates: [...new Set([...(link.duplicates ?? []), ...addresses])].sort(), rivals };
}

function saidBefore(link: NodePod | undefined): Pick<PodLink, 'state' | 'problem'> {
  const { state = 'Attached', problem } = link ?? {};
  return { state, ...(problem === undefined ? {} : { problem }) };
}

function judge(
  { cached, live, refusal }: LinkSight,
  settings: ReadonlyMap<string, string | undefined>,
  parents: ReadonlyMap<string, number>,
): Pick<PodLink, 'state' | 'problem'> | undefined {
  if (live === 'Missing') return { state: 'Ghost', ...(refusal === undefined ? {} : { problem: refusal }) };
  if (live === 'Unseen') return undefined;
  const wanted = settings.get(cached.attachment);
  const parent = parents.get(cached.attachment);
  const isElsewhere = parent !== undefined && live.lower !== undefined && live.lower !== parent;
  if (isElsewhere || (wanted !== undefined && wanted !== cached.settings.fingerprint)) return { state: 'Stale' };
  return { state: live.isRepaired ? 'Repaired' : 'Attached' };
}

/** Pods that ask for an attachment and run without a link on it: Multus was not asked when they were started. */
function neverAttached({ pods, attached, attachments, sights }: LinkFacts): readonly PodLink[] {
  const known = new Set(attached.map((link) => `${link.uid}/${link.attachment}`));
  for (const { cached } of sights.values()) known.add(`${cached.uid}/${cached.attachment}`);
  return pods.filter(isRunning).flatMap((pod) => {
    const { namespace = '', name, uid = '' } = pod.metadata;
    return askedBy(pod)
      .filter((attachment) => attachments.has(attachment) && !known.has(`${uid}/${attachment}`))
      .map((attachment) => {
        const link = { namespace, name, uid, attachment, interface: '', mac: '', ips: [] };
        return { ...link, state: 'NeverAttached' as const };
      });
  });
}

/** Names of the networks that the pod asks for, each once. An annotation that nobody can read asks for nothing. */
function askedBy({ metadata }: Pod): readonly string[] {
  const text = metadata.annotations?.[ANNOTATION_NETWORKS];
  const parsed = text === undefined ? [] : parseNetworks(text);
  return isUnreadable(parsed) ? [] : [...new Set(parsed.map((network) => network.name))];
}

/** Its containers run, and are to go on: Multus has long said what it did. */
function isRunning({ metadata, status }: Pod): boolean {
  return status?.phase === 'Running' && metadata.deletionTimestamp === undefined;
}

function sortKey(link: PodLink): string {
  return `${link.namespace}/${link.name}/${link.attachment}/${link.interface}`;
}
