// Other devices on the LAN that have an IPv4 or MAC address of a pod, by what they answer to the node. A node does not reach pods on
// its own NIC, so that whoever answers it for a pod's address is somebody else.
import type { MacvlanAttachment } from '../../api/v1alpha1/attachment.ts';
import type { PodRival } from '../../api/v1alpha1/node-state.ts';
import { formatIPv4, parseIPv4 } from '../net/ipv4.ts';
import type { Neighbour } from '../net/network.ts';
import { type CachedLink, keyOfLink } from './cached-link.ts';
import type { LinkSight, LinkSights } from './link-state.ts';

/** One address of a pod's link, and where to ask for it. */
export interface LanQuestion {
  /** The link. */
  readonly key: string;
  /** Index of the NIC below it. */
  readonly parent: number;
  readonly address: string;
  /** The link's own MAC address. */
  readonly mac: string;
  /** Frames come back from the switch, so that pods do hear their node. */
  readonly isReflected: boolean;
}

export interface LanFacts {
  readonly sights: LinkSights;
  readonly attachments: ReadonlyMap<string, MacvlanAttachment>;
  /** Index of the verified NIC by attachment. */
  readonly parents: ReadonlyMap<string, number>;
}

/** So many addresses of one link are asked for. */
const MOST_ADDRESSES = 4;

/** What there is to ask, sorted. In mode passthru the pod has the NIC, and nobody else is behind it. */
export function questionsAbout(facts: LanFacts): readonly LanQuestion[] {
  return [...facts.sights.values()]
    .flatMap((sight) => questionsOf(sight, facts))
    .sort((a, b) => (questionKey(a) < questionKey(b) ? -1 : 1));
}

/** One question each. */
export function questionKey({ key, parent, address, mac }: LanQuestion): string {
  return [key, parent, address, mac].join(' ');
}

function questionsOf(sight: LinkSight, { attachments, parents }: LanFacts): readonly LanQuestion[] {
  const { cached, live } = sight;
  const mode = attachments.get(cached.attachment)?.spec.mode ?? 'bridge';
  const verified = parents.get(cached.attachment);
  if (typeof live === 'string' || verified === undefined || mode === 'passthru' || cached.mac === '') return [];
  const parent = live.lower ?? verified;
  const link = { key: keyOfLink(cached), parent, mac: cached.mac, isReflected: mode === 'vepa' };
  return addressesOn(sight, cached).map((address) => ({ ...link, address }));
}

function addressesOn({ live }: LinkSight, cached: CachedLink): readonly string[] {
  const shown = typeof live === 'string' ? undefined : live.addresses;
  const usable = shown?.filter(({ isUsable }) => isUsable) ?? cached.addresses;
  return usable
    .map(({ address }) => address)
    .filter(isIPv4)
    .sort()
    .slice(0, MOST_ADDRESSES);
}

/**
 * What the NIC's neighbours say to a question; nothing when nobody else has the address, nor the MAC address.
 * @param forAll MAC addresses under which everything is answered for
 */
export function rivalsIn(
  question: LanQuestion,
  neighbours: readonly Neighbour[],
  forAll: ReadonlySet<string> = new Set(),
): readonly PodRival[] {
  const known = neighbours.filter(({ mac, isProxy }) => mac !== '' && isProxy !== true && !forAll.has(mac));
  const found = known.filter((one) => hasAddress(one, question) || hasMac(one, question));
  return found.map(({ address, mac }) => ({ address, mac })).sort((a, b) => (a.address < b.address ? -1 : 1));
}

function hasAddress(one: Neighbour, { address, mac }: LanQuestion): boolean {
  return one.address === address && one.mac !== mac && !one.isPermanent;
}

/** Addresses beside one for which somebody answers: if he answers for those as well, he answers for all (a router with proxy ARP). */
export function addressesBeside(address: string): readonly string[] {
  const number = parseIPv4(address);
  return number === undefined ? [] : BESIDE.map((bits) => formatIPv4((number ^ bits) >>> 0));
}

/** Near enough for small networks, and not all of them are likely to be one device's. */
const BESIDE: readonly number[] = [1, 2, 4, 7];

/** Some of them may be others', and some one device's as well; not as many. */
const MOST_BESIDE = 2;

/** Under which MAC addresses more of the addresses are answered for than one device is likely to have. */
export function answeringForAll(beside: readonly string[], neighbours: readonly Neighbour[]): ReadonlySet<string> {
  const answered = neighbours.filter(({ address, mac }) => mac !== '' && beside.includes(address));
  const times = Map.groupBy(answered, ({ mac }) => mac);
  return new Set([...times].flatMap(([mac, all]) => (all.length > MOST_BESIDE ? [mac] : [])));
}

function hasMac(one: Neighbour, { address, mac, isReflected }: LanQuestion): boolean {
  return one.mac === mac && one.address !== address && isIPv4(one.address) && !one.isPermanent && !isReflected;
}

function isIPv4(address: string): boolean {
  return !address.includes(':');
}
