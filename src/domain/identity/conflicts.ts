// Addresses that are in two places: what the nodes' agents see of pods, held against each other and against the claims. Nothing is
// done about it but to say so: who of the two is right is for a person to decide.
import type { IdentityReference, MacvlanClaim } from '../../api/v1alpha1/claim.ts';
import type { MacvlanNodeState, NodePod } from '../../api/v1alpha1/node-state.ts';
import { formatAddress, parseLinkAddress } from '../net/address-text.ts';
import { parseMac } from '../net/mac.ts';

/** A link that is there with the address, as the agent of a node tells it. Hearsay, until the pod itself was asked. */
export interface Sighting extends NodePod {
  readonly node: string;
}

/** Everything that is known about one address. */
export interface AddressFacts {
  /** In the spelling of {@link addressKey}. */
  readonly address: string;
  readonly sightings: readonly Sighting[];
  /** Claims on it: one of a MAC address, one per attachment of an IP address. */
  readonly claims: readonly MacvlanClaim[];
  /** Whether a pod may have what an identity claims: it holds it, or was bound to it. */
  readonly isEntitled: (sighting: Sighting, owner: IdentityReference) => boolean;
  /** Whether two attachments are on one LAN, as far as it can be known. */
  readonly isOneLan: (attachment: string, other: string) => boolean;
}

/** An address in two places. */
export interface Conflict {
  readonly address: string;
  /** Links that have it; one is enough where it belongs to an identity, or where somebody else on the LAN has it too. */
  readonly sightings: readonly Sighting[];
  /** Identities to whom it belongs. */
  readonly owners: readonly IdentityReference[];
  /** Attachments that are concerned; sorted. */
  readonly attachments: readonly string[];
}

/** One spelling for each address; nothing for what is none, or is on every link by nature. */
export function addressKey(text: string): string | undefined {
  const mac = parseMac(text);
  if (mac !== undefined) return mac;
  const parsed = parseLinkAddress(text);
  if (parsed === undefined) return undefined;
  const address = formatAddress(parsed.address);
  return /^fe[89ab]/.test(address) ? undefined : address;
}

/** Addresses of the links that are there on a node, each once. */
export function addressesIn({ status }: MacvlanNodeState): readonly string[] {
  const keys = (status?.pods ?? []).filter(isThere).flatMap(addressesOfLink);
  return [...new Set(keys)];
}

/** The links with that address which are there on a node. */
export function sightingsIn({ metadata, status }: MacvlanNodeState, address: string): readonly Sighting[] {
  return (status?.pods ?? [])
    .filter((pod) => isThere(pod) && addressesOfLink(pod).includes(address))
    .map((pod) => ({ ...pod, node: metadata.name }));
}

/** Addresses about whose links, or whose LANs, the two states say different things. */
export function addressesBetween(
  old: MacvlanNodeState | undefined,
  current: MacvlanNodeState | undefined,
): readonly string[] {
  if (lansIn(old) !== lansIn(current)) return [old, current].flatMap((state) => (state ? addressesIn(state) : []));
  const [before, after] = [old, current].map((state) => new Map((state?.status?.pods ?? []).map(entryOf)));
  const isNews = (text: string) => before?.has(text) !== after?.has(text);
  const changed = [...(before ?? []), ...(after ?? [])].filter(([text]) => isNews(text));
  return [...new Set(changed.flatMap(([, pod]) => addressesOfLink(pod)))];
}

/** Whether the attachments have one NIC for their parent on that node. */
export function areOneLanOn({ status }: MacvlanNodeState, attachment: string, other: string): boolean {
  const [one, two] = [attachment, other].map((name) => status?.attachments?.find((entry) => entry.name === name));
  return one?.incarnation !== undefined && one.incarnation === two?.incarnation;
}

/** In which boot which attachment is on which NIC, as text. */
function lansIn(state: MacvlanNodeState | undefined): string {
  const { agent, attachments = [] } = state?.status ?? {};
  return JSON.stringify([agent?.nodeBootId, attachments.map(({ name, incarnation }) => [name, incarnation])]);
}

/** The conflict that there is about an address; nothing where all is in order. */
export function judgeAddress(facts: AddressFacts): Conflict | undefined {
  const { address, sightings, isOneLan } = facts;
  const strangers = sightings.map((sighting) => ({ sighting, owners: ownersAgainst(sighting, facts) }));
  const hasRival = (one: Sighting) =>
    sightings.some(({ uid, attachment }) => uid !== one.uid && isOneLan(attachment, one.attachment));
  const concerned = strangers.filter(
    ({ sighting, owners }) => owners.length > 0 || isOnLanToo(sighting, address) || hasRival(sighting),
  );
  if (concerned.length === 0) return undefined;
  const owners = concerned.flatMap((stranger) => stranger.owners);
  const ownAttachments = owners.map(({ spec }) => spec.attachment);
  const links = concerned.map(({ sighting }) => sighting).toSorted(byName);
  return {
    address,
    sightings: links,
    owners: distinct([...owners, ...claimsHeldBy(links, facts)].map(({ spec }) => spec.identity)),
    attachments: [...new Set([...links.map(({ attachment }) => attachment), ...ownAttachments])].sort(),
  };
}

/** Claims of others on an address that the link has. */
function ownersAgainst(sighting: Sighting, { claims, isEntitled, isOneLan }: AddressFacts): readonly MacvlanClaim[] {
  return claims.filter(
    ({ spec }) => isOneLan(spec.attachment, sighting.attachment) && !isEntitled(sighting, spec.identity),
  );
}

/** Claims by which one of the links has it. */
function claimsHeldBy(links: readonly Sighting[], { claims, isEntitled }: AddressFacts): readonly MacvlanClaim[] {
  return claims.filter(({ spec }) => links.some((link) => isEntitled(link, spec.identity)));
}

/** The agent of its node saw somebody else answer for the address. */
export function isOnLanToo({ duplicates = [] }: Sighting, address: string): boolean {
  return duplicates.some((text) => addressKey(text) === address);
}

function isThere({ state }: NodePod): boolean {
  return state !== 'Ghost' && state !== 'NeverAttached';
}

function addressesOfLink({ mac = '', ips = [], duplicates = [] }: NodePod): readonly string[] {
  const keys = [mac, ...ips, ...duplicates].map(addressKey).filter((key) => key !== undefined);
  return [...new Set(keys)];
}

function entryOf(pod: NodePod): readonly [string, NodePod] {
  const { uid, attachment, interface: link, mac, ips, duplicates, rivals } = pod;
  return [JSON.stringify([uid, attachment, link, mac, ips, isThere(pod), duplicates, rivals]), pod];
}

function distinct(identities: readonly IdentityReference[]): readonly IdentityReference[] {
  const found = new Map(identities.map((identity) => [`${identity.namespace}/${identity.name}`, identity]));
  return [...found.values()].toSorted((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1));
}

function byName(a: Sighting, b: Sighting): number {
  return `${keyOf(a)} ${a.node}` < `${keyOf(b)} ${b.node}` ? -1 : 1;
}

function keyOf({ namespace, name }: IdentityReference): string {
  return `${namespace}/${name}`;
}
