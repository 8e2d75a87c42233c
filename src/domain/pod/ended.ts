// Pods of which nothing is left on the node, though nobody said so: their objects are gone, perhaps by force. What is concluded here
// lets others have their addresses, so that nothing is concluded from not having seen something.
//
//   attached, cgroup seen ──(object gone)──▶ cgroup there still ──▶ cgroup gone, MAC there still ──▶ both gone, seen twice ──▶ ended
import type { EndedPod, NodePod } from '../../api/v1alpha1/node-state.ts';
import type { AttachedPod } from './attached.ts';

/** A link of a pod, by what is to be looked for. */
export interface Trace {
  readonly attachment: string;
  readonly mac: string;
}

/** A pod that was attached, with what to look for. */
export interface Departure {
  readonly pod: EndedPod;
  readonly links: readonly Trace[];
  /** Its cgroup was seen in this boot of the node: only what has been there can be missed. */
  readonly hasStarted: boolean;
  /** Since when its object has been gone, and since when nothing of it was seen; nothing while it is there. */
  readonly goneSince?: number;
  readonly clearSince?: number;
}

/** By uid. */
export type Departures = ReadonlyMap<string, Departure>;

/** What there is on the node, looked at in this order: after a pod's cgroup has gone, nobody makes a link for it any more. */
export interface Remains {
  /** Uids of the pods that have a cgroup. */
  readonly cgroups: ReadonlySet<string>;
  /** MAC addresses that NICs listen for, on behalf of links in whatever namespace. */
  readonly macs: ReadonlySet<string>;
  /** Attachments of which a pod's MAC address has been seen there: where none was, that none is there says nothing. */
  readonly heard: ReadonlySet<string>;
}

/**
 * How long nothing of a pod has to be seen, in milliseconds. A plugin that was killed half way leaves its link, or takes it along,
 * sooner than that.
 */
export const CLEAR_MS = 1500;

/**
 * What an agent before this one told in the same boot. That it told of a pod is no evidence: after a reboot, it may have read what was
 * written on the pod before, and died before the pod was started again.
 * @param present uids of all pods whose objects are there
 */
export function recallPods(links: readonly NodePod[], present: ReadonlySet<string>): Departures {
  return seeStarted(
    followPods(new Map(), links, present, 0),
    new Set(links.filter(({ evidence }) => evidence === 'Cgroup').map(({ uid }) => uid)),
  );
}

/** A pod of which nothing can be told for so long since its object went is given up, untold. In milliseconds. */
export const GIVE_UP_MS = 3_600_000;

/**
 * Takes the pods that are there now. Only those that were said to be attached are remembered, and nothing but a cgroup shows that they
 * are: what is written on a pod is there after a reboot, before a kubelet that has not heard of its end yet starts it again.
 * @param present uids of all pods whose objects are there
 * @param now milliseconds of a clock that does not jump
 */
export function followPods(
  before: Departures,
  links: readonly (AttachedPod | NodePod)[],
  present: ReadonlySet<string>,
  now: number,
): Departures {
  const after = new Map(before);
  for (const { namespace, name, uid, attachment, mac = '' } of links) {
    if (mac === '') continue;
    const known = after.get(uid)?.links ?? [];
    const isKnown = known.some((link) => link.mac === mac && link.attachment === attachment);
    const all = isKnown ? known : [...known, { attachment, mac }];
    after.set(uid, { hasStarted: false, ...after.get(uid), pod: { namespace, name, uid }, links: all });
  }
  for (const [uid, departure] of after) {
    if (present.has(uid)) after.set(uid, stays(departure));
    else if (now - (departure.goneSince ?? now) >= GIVE_UP_MS) after.delete(uid);
    else after.set(uid, goes(departure, now));
  }
  return after;
}

function stays({ pod, links, hasStarted }: Departure): Departure {
  return { pod, links, hasStarted };
}

function goes(departure: Departure, now: number): Departure {
  return departure.goneSince === undefined ? { ...departure, goneSince: now } : departure;
}

/** Takes the uids of the pods that have a cgroup. Whoever had one once has started, for as long as the node is not booted. */
export function seeStarted(departures: Departures, cgroups: ReadonlySet<string>): Departures {
  return new Map(
    [...departures].map(([uid, departure]) => [uid, cgroups.has(uid) ? { ...departure, hasStarted: true } : departure]),
  );
}

/** Uids of those that have started in this boot. */
export function startedIn(departures: Departures): ReadonlySet<string> {
  return new Set([...departures.values()].flatMap(({ hasStarted, pod }) => (hasStarted ? [pod.uid] : [])));
}

/** Those whose objects are gone. */
export function departedIn(departures: Departures): readonly Departure[] {
  return [...departures.values()].filter(({ goneSince }) => goneSince !== undefined);
}

/** What a look at the node says of them: who has ended, and who is to be looked at again. */
export function judgeDepartures(
  departures: Departures,
  remains: Remains,
  now: number,
): { readonly ended: readonly EndedPod[]; readonly rest: Departures } {
  const ended: EndedPod[] = [];
  const rest = new Map<string, Departure>();
  for (const [uid, departure] of departures) {
    const { clearSince, ...others } = departure;
    const isThere = remains.cgroups.has(uid) || !departure.links.every((link) => isGone(link, remains));
    if (departure.goneSince === undefined) rest.set(uid, departure);
    else if (isThere || !departure.hasStarted) rest.set(uid, others);
    else if (clearSince === undefined) rest.set(uid, { ...others, clearSince: now });
    else if (now - clearSince < CLEAR_MS) rest.set(uid, departure);
    else ended.push(departure.pod);
  }
  return { ended, rest };
}

function isGone({ attachment, mac }: Trace, { macs, heard }: Remains): boolean {
  return heard.has(attachment) && !macs.has(mac);
}

/**
 * Whether all that can be seen of a pod whose object is gone are MAC addresses that pods have which are there: its successor on the
 * node, usually. Nothing can be told of it before those go, and nobody needs to look.
 * @param theirs MAC addresses of pods whose objects are there
 */
export function isTakenOver({ pod, links }: Departure, remains: Remains, theirs: ReadonlySet<string>): boolean {
  const left = links.filter(({ mac }) => remains.macs.has(mac));
  return !remains.cgroups.has(pod.uid) && left.length > 0 && left.every(({ mac }) => theirs.has(mac));
}

/** A pod that was told to have ended, and when; in milliseconds. */
export interface ToldPod {
  readonly pod: EndedPod;
  readonly since: number;
}

/** Whoever waits for a pod looks at once, and so a short memory will do; but nobody is forgotten before there was time to look. */
const LATEST = 128;
const UNFORGOTTEN_MS = 3_600_000;
/** As many as a state has room for. */
export const ENDED_KEPT = 1024;

/** What is told, the latest last; nobody twice. */
export function addEnded(told: readonly ToldPod[], ended: readonly EndedPod[], now: number): readonly ToldPod[] {
  const news = ended.filter(({ uid }) => !told.some((known) => known.pod.uid === uid));
  if (news.length === 0) return told;
  const all = [...told, ...news.map((pod) => ({ pod, since: now }))];
  return all.filter(({ since }, i) => now - since < UNFORGOTTEN_MS || i >= all.length - LATEST).slice(-ENDED_KEPT);
}
