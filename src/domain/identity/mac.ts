// MAC addresses that follow from a name: the same seed and name always give the same one, so it need not be remembered.
import { parseMac } from '../net/mac.ts';

/** HMAC-SHA256 with the cluster's seed, over text. At least 32 octets. */
export type Hmac = (text: string) => Uint8Array;

/** Which link of which identity. */
export interface LinkKey {
  readonly namespace: string;
  readonly identity: string;
  readonly attachment: string;
  readonly index: number;
}

/** With the longest prefix there are 256 addresses; where so many in a row are taken, the prefix is the trouble. */
export const MAC_ATTEMPTS = 256;

/**
 * The address for a link. `attempt` counts up from 0 while the addresses before are taken.
 * @param prefix the first 1 to 5 octets with colons; without one the address is random, unicast and locally administered
 */
export function deriveMac(hmac: Hmac, key: LinkKey, prefix: string | undefined, attempt: number): string {
  const digest = hmac(formatInput('mac', key));
  const start = numberOf(digest.slice(0, 6));
  // Neighbours on each further attempt: 256 attempts under a prefix of five octets meet every address once.
  const octets = octetsOf(BigInt.asUintN(48, start + BigInt(attempt)), 6);
  const fixed = (prefix ?? '').split(':').filter((octet) => octet !== '');
  if (fixed.length === 0) octets[0] = formatOctet((Number.parseInt(octets[0] ?? '0', 16) & 0xfc) | 0x02);
  return [...fixed, ...octets.slice(fixed.length)].join(':');
}

/** Where in a pool of `size` addresses the search for a free one begins. */
export function poolOffset(hmac: Hmac, key: LinkKey, family: string, size: bigint): bigint {
  return size === 0n ? 0n : numberOf(hmac(formatInput(`ip|${family}`, key)).slice(0, 16)) % size;
}

/** The version is part of it, so that another way to derive can be added without moving anybody. */
function formatInput(what: string, { namespace, identity, attachment, index }: LinkKey): string {
  return ['v1', what, namespace, identity, attachment, index].join('|');
}

/** A MAC that somebody chose, in our spelling; or what is wrong with it. */
export function checkMac(
  text: string,
  isNicMac: (mac: string) => boolean,
): { readonly mac: string } | { readonly wrong: string } {
  const mac = parseMac(text);
  if (mac === undefined) return { wrong: `"${text}" is no MAC address of six octets` };
  if (mac === '00:00:00:00:00:00') return { wrong: 'a MAC address of zeros cannot be used' };
  if (mac === 'ff:ff:ff:ff:ff:ff') return { wrong: `${mac} is the broadcast address` };
  if ((Number.parseInt(mac.slice(0, 2), 16) & 1) === 1) return { wrong: `${mac} is a multicast address` };
  if (isNicMac(mac)) return { wrong: `${mac} belongs to a NIC of a node` };
  return { mac };
}

function numberOf(octets: Uint8Array): bigint {
  return octets.reduce((sum, octet) => (sum << 8n) | BigInt(octet), 0n);
}

function octetsOf(value: bigint, count: number): string[] {
  return Array.from({ length: count }, (_, i) => formatOctet(Number((value >> BigInt(8 * (count - 1 - i))) & 0xffn)));
}

function formatOctet(value: number): string {
  return value.toString(16).padStart(2, '0');
}
