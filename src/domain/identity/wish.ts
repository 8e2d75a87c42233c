// What addresses a link is to have: what the pod or its identity chose, as far as the attachment allows, and what to find for it.
import type { IdentityLink } from '../../api/v1alpha1/identity.ts';
import type { PoolRange } from '../../api/v1alpha1/ipam.ts';
import { formatAddress, parseLinkAddress, unmapped } from '../net/address-text.ts';
import type { Claimed } from './claims.ts';
import type { LinkRequest } from './links.ts';
import { checkMac } from './mac.ts';
import { type Family, familiesOf, isExcluded, isReserved, rangeOf, withPrefix } from './pool.ts';
import type { Refusal } from './reason.ts';

/** The addresses of a link, as far as they are given, and what is still to be found. */
export interface Wish {
  readonly link: LinkRequest;
  /** Nothing: derive one. */
  readonly mac: string | undefined;
  /** As they are to be in the annotation. */
  readonly ips: readonly string[];
  /** Address families for which the pool is to give one. */
  readonly missing: readonly Family[];
}

/** What is known about addresses. */
export interface Known {
  /** Whether the identity has the address already: what it has it may keep, whatever `pins` says. */
  readonly owns: (claimed: Claimed) => boolean;
  /** Whether the MAC is the one that would be derived for the link anyway. */
  readonly derives: (link: LinkRequest, mac: string) => boolean;
  /** Whether the MAC address is that of a node's NIC. */
  readonly isNicMac: (mac: string) => boolean;
  /** Whether a node has the IP address on the LAN of the attachment. */
  readonly isNodeAddress: (address: string) => boolean;
}

export function wishFor(link: LinkRequest, entry: IdentityLink | undefined, known: Known): Wish | Refusal {
  const mac = macFor(link, entry, known);
  if (mac !== undefined && typeof mac !== 'string') return mac;
  const ips = ipsFor(link, entry, known);
  if ('reason' in ips) return ips;
  return { link, mac, ...ips };
}

/** An address that two links of one pod are to have, as a refusal: the kernel would refuse the second one. */
export function duplicateIn(wishes: readonly Wish[]): Refusal | undefined {
  const seen = new Set<string>();
  for (const { link, mac, ips } of wishes) {
    const own = [...(mac === undefined ? [] : [mac]), ...ips.map((ip) => `${nameOf(link)} ${ip.replace(/\/.*/, '')}`)];
    const twice = own.find((address) => seen.has(address));
    if (twice !== undefined) return invalid(link, `${twice.replace(/.* /, '')} was chosen for two links of the pod.`);
    for (const address of own) seen.add(address);
  }
  return undefined;
}

function macFor(link: LinkRequest, entry: IdentityLink | undefined, known: Known): string | undefined | Refusal {
  const text = link.mac ?? entry?.mac;
  if (text === undefined) return undefined;
  const checked = checkMac(text, known.isNicMac);
  if ('wrong' in checked) return invalid(link, `${checked.wrong}.`);
  const { mac } = checked;
  const isOurs = known.owns({ address: mac, attachment: nameOf(link) }) || known.derives(link, mac);
  return isOurs || mayPin(link) ? mac : denied(link, mac);
}

type Addresses = Pick<Wish, 'ips' | 'missing'>;

/** Addresses of these types are somebody else's to give. */
const GIVEN_BY: Readonly<Record<string, string>> = {
  DHCP: "come from the LAN's DHCP server",
  HostLocal: 'are handed out by each node',
  None: 'are not given at all',
};

function ipsFor(link: LinkRequest, entry: IdentityLink | undefined, known: Known): Addresses | Refusal {
  const { ipam } = link.attachment.spec;
  const giver = GIVEN_BY[ipam.type];
  if (giver !== undefined) {
    if ((link.ips ?? []).length === 0) return { ips: [], missing: [] };
    return invalid(link, `IP addresses of attachment ${nameOf(link)} (type ${ipam.type}) ${giver}.`);
  }
  const ranges = ipam.pool?.ranges ?? [];
  const isPool = ipam.type === 'Pool';
  const chosen = withOthers(link.ips, recorded(link, entry, known), isPool);
  const ips: string[] = [];
  for (const text of chosen) {
    const ip = checkIp(link, text, ranges, known);
    if (typeof ip !== 'string') return ip;
    ips.push(ip);
  }
  if (ipam.type === 'Static' && ips.length === 0) return addressMissing(link);
  const has = new Set(ips.map(familyOf));
  return { ips, missing: familiesOf(ranges).filter((family) => !has.has(family)) };
}

/** What the pod chose; and of a family for which it chose nothing, what the identity has. */
function withOthers(chosen: readonly string[] | undefined, had: readonly string[], isPool: boolean): readonly string[] {
  if (chosen === undefined || chosen.length === 0) return had;
  const families = new Set(chosen.map(familyOf));
  return isPool ? [...chosen, ...had.filter((text) => !families.has(familyOf(text)))] : chosen;
}

function familyOf(text: string): Family | undefined {
  return parseLinkAddress(text)?.address.family;
}

/** What the identity has; addresses that it may have no longer are given up. */
function recorded(link: LinkRequest, entry: IdentityLink | undefined, known: Known): readonly string[] {
  const { type, pool } = link.attachment.spec.ipam;
  const all = entry?.ips ?? [];
  return type === 'Pool' ? all.filter((text) => mayKeep(link, text, pool?.ranges ?? [], known)) : all;
}

/**
 * Whether the pool's subnets hold it still, and it is not withheld by now: somebody else on the LAN has it. What was chosen and never had
 * is not given up, but refused with a reason; and where pods choose, an excluded address may be one to choose.
 */
function mayKeep(link: LinkRequest, text: string, ranges: readonly PoolRange[], known: Known): boolean {
  const parsed = parseLinkAddress(text);
  const range = parsed === undefined ? undefined : rangeOf(ranges, parsed.address);
  if (parsed === undefined || range === undefined) return false;
  if (!known.owns({ address: formatAddress(parsed.address), attachment: nameOf(link) })) return true;
  return !isReserved(range, parsed.address) && (mayPin(link) || !isExcluded(range, parsed.address));
}

function checkIp(link: LinkRequest, text: string, ranges: readonly PoolRange[], known: Known): string | Refusal {
  const parsed = parseLinkAddress(text);
  if (parsed === undefined) return invalid(link, `"${text}" is no IP address.`);
  if (unmapped(parsed.address) !== parsed.address)
    return invalid(link, `${text} is an IPv4 address that is written as an IPv6 address.`);
  const host = formatAddress(parsed.address);
  const claimed = { address: host, attachment: nameOf(link) };
  if (!known.owns(claimed) && !mayPin(link)) return denied(link, host);
  if (!known.owns(claimed) && known.isNodeAddress(host)) return invalid(link, `${host} belongs to a NIC of a node.`);
  if (link.attachment.spec.ipam.type !== 'Pool') {
    if (parsed.prefix !== undefined) return `${host}/${parsed.prefix}`;
    return invalid(link, `${host} needs the prefix length of its subnet.`);
  }
  const range = rangeAround(ranges, text);
  if (range === undefined) return invalid(link, `${host} is in none of the subnets of attachment ${nameOf(link)}.`);
  return isReserved(range, parsed.address)
    ? invalid(link, `${host} is the subnet's own, its broadcast or its gateway's address.`)
    : withPrefix(host, range);
}

function rangeAround(ranges: readonly PoolRange[], text: string): PoolRange | undefined {
  const parsed = parseLinkAddress(text);
  return parsed === undefined ? undefined : rangeOf(ranges, parsed.address);
}

function nameOf(link: LinkRequest): string {
  return link.attachment.metadata.name;
}

function mayPin(link: LinkRequest): boolean {
  return link.attachment.spec.pins === 'Allow';
}

function denied(link: LinkRequest, address: string): Refusal {
  return {
    reason: 'PinDenied',
    message: `${address} was chosen for attachment ${nameOf(link)}, which does not let pods choose.`,
    remedy: `Leave the choice out, or set pins: Allow in MacvlanAttachment ${nameOf(link)}.`,
  };
}

function invalid(link: LinkRequest, message: string): Refusal {
  const remedy = `Choose another address for attachment ${nameOf(link)}, or none.`;
  return { reason: 'PinInvalid', message, remedy };
}

function addressMissing(link: LinkRequest): Refusal {
  return {
    reason: 'AddressMissing',
    message: `Pods of attachment ${nameOf(link)} bring their own addresses.`,
    remedy: `Annotate the pod with macvlan.dev/ip: ADDRESS/PREFIX, or write ips into its MacvlanIdentity.`,
  };
}
