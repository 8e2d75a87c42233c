// Addresses of a pool: which there are to give, and which is the next free one for somebody.
import type { PoolRange } from '../../api/v1alpha1/ipam.ts';
import { type Address, type AddressRange, holds, parseAddress, parseSubnet } from '../net/address-range.ts';

export type Family = Address['family'];

/** A set, or whatever else can tell. */
type Taken = Pick<ReadonlySet<bigint>, 'has'>;

/** Addresses that may be given out, in order; no two intervals meet. */
export type Intervals = readonly AddressRange[];

/**
 * What a range has to give: from start to end, less what is excluded, the gateway, and the addresses that no host may have
 * (the subnet's own and its broadcast address; in IPv6 the routers' anycast address).
 */
export function usableIn(range: PoolRange): Intervals {
  const subnet = parseSubnet(range.subnet);
  if (subnet === undefined) return [];
  const start = parseAddress(range.start ?? '')?.value ?? subnet.first;
  const end = parseAddress(range.end ?? '')?.value ?? subnet.last;
  const taken = [...reservedIn(subnet), ...[range.gateway ?? '', ...(range.exclude ?? [])].map(intervalOf)];
  const whole = [{ family: subnet.family, first: start, last: end }];
  return withoutAll(
    whole,
    taken.filter((gap) => gap !== undefined),
  );
}

/** What is left when these are taken out. */
export function withoutAll(intervals: Intervals, gaps: readonly AddressRange[]): Intervals {
  return gaps
    .reduce<Intervals>((rest, gap) => rest.flatMap((interval) => without(interval, gap)), intervals)
    .filter(({ first, last }) => first <= last);
}

/** Addresses of a subnet that no host may have. Point-to-point subnets (/31, /127) and single addresses have none. */
export function reservedIn({ family, first, last }: AddressRange): Intervals {
  if (last - first < 2n) return [];
  return [{ family, first, last: first }, ...(family === 'IPv4' ? [{ family, first: last, last }] : [])];
}

/** How many addresses there are. */
export function sizeOf(intervals: Intervals): bigint {
  return intervals.reduce((sum, { first, last }) => sum + last - first + 1n, 0n);
}

/**
 * The first free address from `offset` on, going round once; nothing when all are taken.
 * @param taken addresses that others have, as numbers
 */
export function freeAddress(intervals: Intervals, offset: bigint, taken: Taken): bigint | undefined {
  const size = sizeOf(intervals);
  // However large the pool, this ends soon: no more looks than addresses are taken find none that is free.
  for (let i = 0n; i < size; i++) {
    const address = addressAt(intervals, (offset + i) % size);
    if (address !== undefined && !taken.has(address)) return address;
  }
  return undefined;
}

function addressAt(intervals: Intervals, position: bigint): bigint | undefined {
  let rest = position;
  for (const { first, last } of intervals) {
    const size = last - first + 1n;
    if (rest < size) return first + rest;
    rest -= size;
  }
  return undefined;
}

/** The range whose subnet holds the address. */
export function rangeOf(ranges: readonly PoolRange[], address: Address): PoolRange | undefined {
  return ranges.find((range) => {
    const subnet = parseSubnet(range.subnet);
    return subnet !== undefined && holds(subnet, address);
  });
}

/** Whether no host may have the address: the subnet's own and its broadcast address, and the gateway's. */
export function isReserved(range: PoolRange, { value }: Address): boolean {
  const subnet = parseSubnet(range.subnet);
  const isTheSubnets = subnet !== undefined && reservedIn(subnet).some(({ first }) => first === value);
  return isTheSubnets || parseAddress(range.gateway ?? '')?.value === value;
}

export function isExcluded({ exclude = [] }: PoolRange, address: Address): boolean {
  return exclude.map(intervalOf).some((gap) => gap !== undefined && holds(gap, address));
}

/** The address with the prefix length of its subnet, as the `static` plugin wants it. */
export function withPrefix(text: string, range: PoolRange): string {
  return `${text}/${range.subnet.split('/')[1]}`;
}

export function familiesOf(ranges: readonly PoolRange[]): readonly Family[] {
  return [...new Set(ranges.map((range) => parseSubnet(range.subnet)?.family))].filter(
    (family) => family !== undefined,
  );
}

function intervalOf(text: string): AddressRange | undefined {
  const address = parseAddress(text);
  return address === undefined
    ? parseSubnet(text)
    : { family: address.family, first: address.value, last: address.value };
}

function without(interval: AddressRange, gap: AddressRange): Intervals {
  if (gap.family !== interval.family || gap.last < interval.first || gap.first > interval.last) return [interval];
  return [
    { ...interval, last: gap.first - 1n },
    { ...interval, first: gap.last + 1n },
  ].filter(({ first, last }) => first <= last);
}
