// Address ranges and routes of an attachment, as far as they can be judged without a node: do they make sense together.
import type { HostLocalRange, Ipam, PoolRange, Route } from '../../api/v1alpha1/ipam.ts';
import { type AddressRange, holds, overlap, parseAddress, parseSubnet } from '../net/address-range.ts';

/** A range of either kind; only pools exclude. */
export type Range = HostLocalRange & Pick<PoolRange, 'exclude'>;

/** Every range of the attachment, whatever hands the addresses out. */
export function rangesOf(ipam: Ipam): readonly Range[] {
  return [...(ipam.hostLocal?.ranges ?? []), ...(ipam.pool?.ranges ?? [])];
}

/** Every route of the attachment. */
export function routesOf(ipam: Ipam): readonly Route[] {
  return [...(ipam.static?.routes ?? []), ...(ipam.hostLocal?.routes ?? []), ...(ipam.pool?.routes ?? [])];
}

/** What contradicts itself in a range, as a sentence. */
export function whatIsWrongWithRange(range: Range): string | undefined {
  const subnet = parseSubnet(range.subnet);
  if (subnet === undefined) return `${range.subnet} is not a subnet written with its first address.`;
  for (const field of ['start', 'end', 'gateway'] as const) {
    const text = range[field];
    const address = text === undefined ? undefined : parseAddress(text);
    if (text !== undefined && (address === undefined || !holds(subnet, address))) {
      return `${field} ${text} does not lie in ${range.subnet}.`;
    }
  }
  const given = givenRange(range);
  if (given !== undefined && given.first > given.last) return `start ${range.start} comes after end ${range.end}.`;
  const outside = range.exclude?.find((text) => !liesIn(subnet, text));
  return outside === undefined ? undefined : `exclude ${outside} does not lie in ${range.subnet}.`;
}

/** The first two ranges that share an address; nothing when none do. */
export function overlapIn(ranges: readonly Range[]): readonly [Range, Range] | undefined {
  for (const [index, one] of ranges.entries()) {
    const other = ranges.slice(index + 1).find((candidate) => doOverlap(one, candidate));
    if (other !== undefined) return [one, other];
  }
  return undefined;
}

/** What cannot work about a route, as a sentence. */
export function whatIsWrongWithRoute(route: Route, ipam: Ipam): string | undefined {
  const to = parseSubnet(route.to);
  if (to === undefined) return `${route.to} is not a subnet written with its first address.`;
  if (route.via !== undefined) {
    const via = parseAddress(route.via);
    return via?.family === to.family ? undefined : `The route to ${route.to} cannot go via ${route.via}.`;
  }
  const gateways = gatewaysOf(to.family, rangesOf(ipam));
  // host-local makes up a router (the subnet's first address) for a range without one: better said than silently wrong.
  if (ipam.type === 'HostLocal' && gateways.length === 0) {
    return `The route to ${route.to} has no \`via\`, and no range of its family has a gateway.`;
  }
  if (ipam.type === 'Pool' && gateways.length > 1) {
    return `The route to ${route.to} has no \`via\`, and the ranges have more than one gateway.`;
  }
  return undefined;
}

/** The router for a route without one: the gateway that all ranges of its family share; nothing when there is not exactly one. */
export function gatewayFor(route: Route, ranges: readonly Range[]): string | undefined {
  const to = parseSubnet(route.to);
  const [gateway, ...others] = to === undefined ? [] : gatewaysOf(to.family, ranges);
  return others.length === 0 ? gateway : undefined;
}

/** `192.0.2.0/24 (192.0.2.10 to last)`. */
export function describeRange({ subnet, start, end }: Range): string {
  return start === undefined && end === undefined ? subnet : `${subnet} (${start ?? 'first'} to ${end ?? 'last'})`;
}

/** Gateways of a family, each once, however it is written. */
function gatewaysOf(family: AddressRange['family'], ranges: readonly Range[]): readonly string[] {
  const found = new Map<bigint, string>();
  for (const { gateway } of ranges) {
    const address = gateway === undefined ? undefined : parseAddress(gateway);
    if (gateway === undefined || address?.family !== family || found.has(address.value)) continue;
    found.set(address.value, gateway);
  }
  return [...found.values()];
}

/** Whether an address, or the whole of a subnet, lies in the range. */
function liesIn(range: AddressRange, text: string): boolean {
  const address = parseAddress(text);
  if (address !== undefined) return holds(range, address);
  const subnet = parseSubnet(text);
  if (subnet?.family !== range.family) return false;
  return range.first <= subnet.first && subnet.last <= range.last;
}

function doOverlap(a: Range, b: Range): boolean {
  const [one, other] = [givenRange(a), givenRange(b)];
  return one !== undefined && other !== undefined && overlap(one, other);
}

/** What the range hands out: from start to end, the subnet's limits by default. */
function givenRange(range: Range): AddressRange | undefined {
  const subnet = parseSubnet(range.subnet);
  if (subnet === undefined) return undefined;
  const first = range.start === undefined ? undefined : parseAddress(range.start)?.value;
  const last = range.end === undefined ? undefined : parseAddress(range.end)?.value;
  return { family: subnet.family, first: first ?? subnet.first, last: last ?? subnet.last };
}
