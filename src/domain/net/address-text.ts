// Addresses as text, in the one spelling in which they are compared and named.
import { type Address, parseAddress } from './address-range.ts';
import { formatIPv4 } from './ipv4.ts';

/** `192.0.2.1`, or `fd00::1` as RFC 5952 has it. */
export function formatAddress({ family, value }: Address): string {
  if (family === 'IPv4') return formatIPv4(Number(value));
  const groups = groupsOf(value);
  const [start, length] = longestRun(groups);
  if (length < 2) return groups.join(':');
  return `${groups.slice(0, start).join(':')}::${groups.slice(start + length).join(':')}`;
}

/** An address with or without prefix length, taken apart; nothing when it is none. */
export function parseLinkAddress(
  text: string,
): { readonly address: Address; readonly prefix: number | undefined } | undefined {
  const [host = '', prefix, ...rest] = text.split('/');
  const address = parseAddress(host);
  if (address === undefined || rest.length > 0) return undefined;
  if (prefix === undefined) return { address, prefix: undefined };
  const most = address.family === 'IPv4' ? 32 : 128;
  return /^\d{1,3}$/.test(prefix) && Number(prefix) <= most ? { address, prefix: Number(prefix) } : undefined;
}

/** ::ffff:192.0.2.5 and the like as what plugins take them for, 192.0.2.5; other addresses as they are. */
export function unmapped(address: Address): Address {
  const isMapped = address.family === 'IPv6' && address.value >> 32n === 0xffffn;
  return isMapped ? { family: 'IPv4', value: address.value & 0xffffffffn } : address;
}

/** The eight groups of an IPv6 address. */
export function groupsOf(value: bigint): readonly string[] {
  return Array.from({ length: 8 }, (_, i) => ((value >> BigInt(16 * (7 - i))) & 0xffffn).toString(16));
}

function longestRun(groups: readonly string[]): readonly [number, number] {
  let best: readonly [number, number] = [0, 0];
  let start = 0;
  for (let i = 0; i <= groups.length; i++) {
    if (groups[i] === '0') continue;
    if (i - start > best[1]) best = [start, i - start];
    start = i + 1;
  }
  return best;
}
