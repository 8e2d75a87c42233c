// Addresses as numbers, as far as the checks of ranges need them: is this inside that, do these two meet.
import { parseIPv4 } from './ipv4.ts';

export interface Address {
  readonly family: 'IPv4' | 'IPv6';
  readonly value: bigint;
}

/** Both ends count. */
export interface AddressRange {
  readonly family: Address['family'];
  readonly first: bigint;
  readonly last: bigint;
}

/** An address in any spelling that Kubernetes accepts; nothing when it is none. */
export function parseAddress(text: string): Address | undefined {
  const value = text.includes(':') ? parseV6(text) : parseV4(text);
  return value === undefined ? undefined : { family: text.includes(':') ? 'IPv6' : 'IPv4', value };
}

/** A subnet such as 192.168.1.0/24, as the range of all its addresses; nothing when it is none, or has host bits set. */
export function parseSubnet(text: string): AddressRange | undefined {
  const [address, length, ...rest] = text.split('/');
  const base = parseAddress(address ?? '');
  if (base === undefined || rest.length > 0 || !/^\d{1,3}$/.test(length ?? '')) return undefined;
  const bits = base.family === 'IPv4' ? 32 : 128;
  const hostBits = bits - Number(length);
  if (hostBits < 0) return undefined;
  const size = 1n << BigInt(hostBits);
  if (base.value % size !== 0n) return undefined;
  return { family: base.family, first: base.value, last: base.value + size - 1n };
}

export function holds(range: AddressRange, address: Address): boolean {
  return range.family === address.family && range.first <= address.value && address.value <= range.last;
}

export function overlap(a: AddressRange, b: AddressRange): boolean {
  return a.family === b.family && a.first <= b.last && b.first <= a.last;
}

function parseV4(text: string): bigint | undefined {
  const value = parseIPv4(text);
  return value === undefined ? undefined : BigInt(value);
}

function parseV6(text: string): bigint | undefined {
  const halves = withV4TailAsHex(text).split('::');
  if (halves.length > 2) return undefined;
  const [head, tail] = halves.map((half) => (half === '' ? [] : half.split(':')));
  const given = (head?.length ?? 0) + (tail?.length ?? 0);
  if (tail === undefined ? given !== 8 : given > 7) return undefined;
  const groups = [...(head ?? []), ...Array<string>(8 - given).fill('0'), ...(tail ?? [])];
  if (!groups.every((group) => /^[0-9a-fA-F]{1,4}$/.test(group))) return undefined;
  return groups.reduce((sum, group) => sum * 65536n + BigInt(`0x${group}`), 0n);
}

/** `::ffff:192.0.2.1` → `::ffff:c000:201`; other text as it is. */
function withV4TailAsHex(text: string): string {
  const cut = text.lastIndexOf(':') + 1;
  const tail = text.slice(cut);
  const value = tail.includes('.') ? parseV4(tail) : undefined;
  if (value === undefined) return text;
  return `${text.slice(0, cut)}${(value >> 16n).toString(16)}:${(value & 0xffffn).toString(16)}`;
}
