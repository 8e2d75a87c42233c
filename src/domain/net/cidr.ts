// Addresses and prefixes as numbers, so that "does this prefix hold this address" is arithmetic.
import { parseAddress } from './address-range.ts';

/** The address as a number from 0 to 2^32-1; nothing when the text is no dotted IPv4 address. */
export function parseIPv4(text: string): number | undefined {
  const parts = text.split('.');
  if (parts.length !== 4) return undefined;
  let value = 0;
  for (const part of parts) {
    if (!/^\d{1,3}$/.test(part) || (part.length > 1 && part.startsWith('0'))) return undefined;
    const octet = Number(part);
    if (octet > 255) return undefined;
    value = value * 256 + octet;
  }
  return value;
}

/** The inverse of {@link parseIPv4}. */
export function formatIPv4(value: number): string {
  return [value >>> 24, (value >>> 16) & 255, (value >>> 8) & 255, value & 255].join('.');
}

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
