// Prefixes, so that "does this prefix hold this address" is arithmetic.
import { parseAddress } from './address-range.ts';

/** Whether the subnet around `address` with that prefix length holds `other`. False unless both are addresses of one family. */
export function subnetHolds(address: string, prefixLength: number, other: string): boolean {
  const a = parseAddress(address);
  const b = parseAddress(other);
  if (a === undefined || a.family !== b?.family) return false;
  const hostBits = BigInt((a.family === 'IPv4' ? 32 : 128) - prefixLength);
  return a.value >> hostBits === b.value >> hostBits;
}

/** The text without a prefix length: addresses are written with and without one. */
export function withoutPrefixLength(text: string): string {
  const slash = text.indexOf('/');
  return slash < 0 ? text : text.slice(0, slash);
}
