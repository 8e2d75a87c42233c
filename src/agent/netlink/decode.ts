// What the kernel's messages say, as the facts of domain/net/network.ts.
import type { Address, Family, Link, Neighbour, Route } from '../../domain/net/network.ts';
import * as k from './constants.ts';
import { type Attributes, readAttributes, readText, readU32, walkAttributes } from './message.ts';

const LINK_HEADER = 16;
const ADDRESS_HEADER = 8;
const ROUTE_HEADER = 12;
const NEIGHBOUR_HEADER = 12;

/** A link, from the body of RTM_NEWLINK or RTM_DELLINK. */
export function decodeLink(body: Buffer): Link | undefined {
  if (body.length < LINK_HEADER) return undefined;
  const attributes = readAttributes(body, LINK_HEADER);
  const name = readText(attributes.get(k.IFLA_IFNAME));
  if (name === undefined) return undefined;
  const flags = body.readUInt32LE(8);
  return {
    ifindex: body.readInt32LE(4),
    name,
    altNames: decodeAltNames(attributes.get(k.IFLA_PROP_LIST)),
    mac: formatMac(attributes.get(k.IFLA_ADDRESS)) ?? '',
    type: decodeType(body.readUInt16LE(2)),
    isUp: (flags & k.IFF_UP) !== 0,
    hasCarrier: (flags & k.IFF_LOWER_UP) !== 0,
    isNoArp: (flags & k.IFF_NOARP) !== 0,
    mtu: readU32(attributes.get(k.IFLA_MTU)) ?? 0,
    isLowerElsewhere: attributes.has(k.IFLA_LINK_NETNSID),
    ...optional('permanentMac', formatMac(attributes.get(k.IFLA_PERM_ADDRESS))),
    ...optional('lower', readU32(attributes.get(k.IFLA_LINK))),
    ...optional('master', readU32(attributes.get(k.IFLA_MASTER))),
    ...optional('note', readText(attributes.get(k.IFLA_IFALIAS))),
    ...decodeInfo(readAttributes(attributes.get(k.IFLA_LINKINFO))),
    ...decodeFamilies(readAttributes(attributes.get(k.IFLA_AF_SPEC))),
  };
}

/** An address, from the body of RTM_NEWADDR or RTM_DELADDR. */
export function decodeAddress(body: Buffer): Address | undefined {
  const family = familyOf(body[0]);
  if (body.length < ADDRESS_HEADER || family === undefined) return undefined;
  const attributes = readAttributes(body, ADDRESS_HEADER);
  // On a point-to-point link IFA_ADDRESS is the other end; IFA_LOCAL is ours, and IPv6 leaves it out.
  const address = formatAddress(attributes.get(k.IFA_LOCAL) ?? attributes.get(k.IFA_ADDRESS));
  if (address === undefined) return undefined;
  const flags = readU32(attributes.get(k.IFA_FLAGS)) ?? body.readUInt8(2);
  return {
    ifindex: body.readUInt32LE(4),
    family,
    address,
    prefixLength: body.readUInt8(1),
    isGlobal: body.readUInt8(3) === k.RT_SCOPE_UNIVERSE,
    isSecondary: (flags & k.IFA_F_SECONDARY) !== 0,
    ...((flags & (k.IFA_F_TENTATIVE | k.IFA_F_DADFAILED)) === 0 ? {} : { isTentative: true }),
    isNoPrefixRoute: (flags & k.IFA_F_NOPREFIXROUTE) !== 0,
  };
}

/** A route of the main table, from the body of RTM_NEWROUTE or RTM_DELROUTE; nothing for one of another table. */
export function decodeRoute(body: Buffer): Route | undefined {
  const family = familyOf(body[0]);
  if (body.length < ROUTE_HEADER || family === undefined) return undefined;
  const attributes = readAttributes(body, ROUTE_HEADER);
  if ((readU32(attributes.get(k.RTA_TABLE)) ?? body.readUInt8(4)) !== k.RT_TABLE_MAIN) return undefined;
  const single = readU32(attributes.get(k.RTA_OIF));
  const hops = decodeHops(attributes.get(k.RTA_MULTIPATH));
  const gateways = [gatewayIn(attributes), ...hops.map(({ gateway }) => gateway)].filter(
    (router) => router !== undefined,
  );
  return {
    family,
    destination: formatAddress(attributes.get(k.RTA_DST)) ?? '',
    prefixLength: body.readUInt8(1),
    links: single === undefined ? hops.map(({ ifindex }) => ifindex) : [single],
    hasGateway: gateways.length > 0,
    ...(gateways.length === 0 ? {} : { gateways }),
    metric: readU32(attributes.get(k.RTA_PRIORITY)) ?? 0,
    isLinkScope: body.readUInt8(6) === k.RT_SCOPE_LINK,
    isUnicast: body.readUInt8(7) === k.RTN_UNICAST,
    ...optional('source', formatAddress(attributes.get(k.RTA_PREFSRC))),
  };
}

/** A neighbour, from the body of RTM_NEWNEIGH or RTM_DELNEIGH; nothing for entries of bridges. */
export function decodeNeighbour(body: Buffer): Neighbour | undefined {
  const family = familyOf(body[0]);
  if (body.length < NEIGHBOUR_HEADER || family === undefined) return undefined;
  const attributes = readAttributes(body, NEIGHBOUR_HEADER);
  const address = formatAddress(attributes.get(k.NDA_DST));
  if (address === undefined) return undefined;
  return {
    ifindex: body.readInt32LE(4),
    family,
    address,
    mac: formatMac(attributes.get(k.NDA_LLADDR)) ?? '',
    isPermanent: (body.readUInt16LE(8) & k.NUD_PERMANENT) !== 0,
    ...((body.readUInt8(10) & k.NTF_PROXY) === 0 ? {} : { isProxy: true, isPermanent: false }),
    ...((body.readUInt8(10) & k.NTF_ROUTER) === 0 ? {} : { isRouter: true }),
  };
}

/** The link that an event about a link, address or neighbour is about. */
export function decodeIfindex(body: Buffer): number {
  return body.length >= 8 ? body.readInt32LE(4) : 0;
}

function decodeType(type: number): Link['type'] {
  if (type === k.ARPHRD_ETHER) return 'Ethernet';
  return type === k.ARPHRD_LOOPBACK ? 'Loopback' : 'Other';
}

function decodeAltNames(list: Buffer | undefined): readonly string[] {
  if (list === undefined) return [];
  const names: string[] = [];
  for (const [type, value] of walkAttributes(list, 0)) {
    const name = readText(value);
    if (type === k.IFLA_ALT_IFNAME && name !== undefined) names.push(name);
  }
  return names.sort();
}

function decodeInfo(info: Attributes): Pick<Link, 'kind' | 'portKind' | 'macvlanMode' | 'bondMode'> {
  const kind = readText(info.get(k.IFLA_INFO_KIND));
  const isMacvlan = kind === 'macvlan' || kind === 'macvtap';
  const data = isMacvlan || kind === 'bond' ? readAttributes(info.get(k.IFLA_INFO_DATA)) : undefined;
  const mode = isMacvlan ? readU32(data?.get(k.IFLA_MACVLAN_MODE)) : undefined;
  const bondMode = kind === 'bond' ? data?.get(k.IFLA_BOND_MODE)?.[0] : undefined;
  return {
    ...optional('kind', kind),
    ...optional('portKind', readText(info.get(k.IFLA_INFO_SLAVE_KIND))),
    ...optional('macvlanMode', mode === undefined ? undefined : (k.MACVLAN_MODES[mode] ?? String(mode))),
    ...optional('bondMode', bondMode === undefined ? undefined : (k.BOND_MODES[bondMode] ?? String(bondMode))),
  };
}

type FamilySettings = Pick<
  Link,
  'addressGeneration' | 'arpFilter' | 'isNdpProxy' | 'isIPv6Forwarding' | 'acceptsRouters'
>;

function decodeFamilies(families: Attributes): FamilySettings {
  // IPv4 settings come as an array of numbers that starts with setting 1.
  const ipv4 = readAttributes(families.get(k.AF_INET)).get(k.IFLA_INET_CONF);
  const arpFilter = readU32(ipv4?.subarray((k.IPV4_DEVCONF_ARPFILTER - 1) * 4));
  const ipv6 = readAttributes(families.get(k.AF_INET6));
  const mode = ipv6.get(k.IFLA_INET6_ADDR_GEN_MODE)?.[0];
  const isOn = (number: number) => {
    const value = readU32(ipv6.get(k.IFLA_INET6_CONF)?.subarray(number * 4));
    return value === undefined ? undefined : value !== 0;
  };
  return {
    ...optional('isNdpProxy', isOn(k.IPV6_DEVCONF_PROXY_NDP)),
    ...optional('isIPv6Forwarding', isOn(k.IPV6_DEVCONF_FORWARDING)),
    ...optional('acceptsRouters', isOn(k.IPV6_DEVCONF_ACCEPT_RA)),
    ...optional('arpFilter', arpFilter === undefined ? undefined : arpFilter !== 0),
    ...(mode === undefined ? {} : { addressGeneration: mode === k.IN6_ADDR_GEN_MODE_NONE ? 'None' : 'Other' }),
  };
}

interface Hop {
  readonly ifindex: number;
  readonly gateway: string | undefined;
}

function decodeHops(hops: Buffer | undefined): readonly Hop[] {
  const found: Hop[] = [];
  // A row of struct rtnexthop, each with its own length: length u16, flags u8, hops u8, ifindex s32, attributes.
  for (let at = 0; hops !== undefined && at + 8 <= hops.length; ) {
    const length = hops.readUInt16LE(at);
    if (length < 8) break;
    const gateway = gatewayIn(readAttributes(hops.subarray(at, at + length), 8));
    found.push({ ifindex: hops.readInt32LE(at + 4), gateway });
    at += (length + 3) & ~3;
  }
  return found;
}

/** A router of the other family (an IPv4 route by way of IPv6) comes as RTA_VIA: its family in two bytes, then the address. */
function gatewayIn(attributes: Attributes): string | undefined {
  return formatAddress(attributes.get(k.RTA_GATEWAY) ?? attributes.get(k.RTA_VIA)?.subarray(2));
}

function familyOf(number: number | undefined): Family | undefined {
  if (number === k.AF_INET) return 'IPv4';
  return number === k.AF_INET6 ? 'IPv6' : undefined;
}

/** Six octets in hexadecimal; nothing for addresses of other lengths (tunnels, InfiniBand). */
export function formatMac(value: Buffer | undefined): string | undefined {
  if (value === undefined || value.length !== 6) return undefined;
  return Array.from(value, (octet) => octet.toString(16).padStart(2, '0')).join(':');
}

/** Four bytes as IPv4, sixteen as IPv6 in its canonical short form (RFC 5952). */
export function formatAddress(value: Buffer | undefined): string | undefined {
  if (value === undefined) return undefined;
  if (value.length === 4) return value.join('.');
  return value.length === 16 ? formatIPv6(value) : undefined;
}

function formatIPv6(value: Buffer): string {
  const groups = Array.from({ length: 8 }, (_, i) => value.readUInt16BE(2 * i));
  const run = longestZeroRun(groups);
  const text = (part: readonly number[]): string => part.map((group) => group.toString(16)).join(':');
  if (run.length < 2) return text(groups);
  return `${text(groups.slice(0, run.start))}::${text(groups.slice(run.start + run.length))}`;
}

function longestZeroRun(groups: readonly number[]): { start: number; length: number } {
  let best = { start: 0, length: 0 };
  for (let start = 0; start < groups.length; start++) {
    let length = 0;
    while (groups[start + length] === 0) length++;
    if (length > best.length) best = { start, length };
    start += length;
  }
  return best;
}

/** `{[key]: value}`, or nothing when there is no value: optional properties are left out, never undefined. */
function optional<K extends string, V>(key: K, value: V | undefined): { [P in K]?: V } {
  return value === undefined ? {} : ({ [key]: value } as { [P in K]?: V });
}
