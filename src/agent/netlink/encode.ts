// A change, or the wish for a dump, as the message that the kernel understands.
import type { Change, EgressChange, LinkSettingChange } from '../../domain/net/change.ts';
import { parseIPv4 } from '../../domain/net/ipv4.ts';
import type { Family } from '../../domain/net/network.ts';
import * as k from './constants.ts';
import { MessageWriter } from './message.ts';

const DO = k.NLM_F_REQUEST | k.NLM_F_ACK;
const CREATE = DO | k.NLM_F_CREATE | k.NLM_F_EXCL;
const PUT = DO | k.NLM_F_CREATE | k.NLM_F_REPLACE;
const DUMP = k.NLM_F_REQUEST | k.NLM_F_DUMP;

type OfType<T extends Change['type']> = Extract<Change, { type: T }>;
/** What one message does; the others take files or several messages. */
export type NetlinkChange = Exclude<Change, LinkSettingChange | EgressChange>;

/** The message that makes the change. Its answer is an acknowledgement. */
export function encodeChange(change: NetlinkChange): Buffer {
  switch (change.type) {
    case 'AddAltName':
      return altName(k.RTM_NEWLINKPROP, CREATE, change);
    case 'RemoveAltName':
      return altName(k.RTM_DELLINKPROP, DO, change);
    case 'CreateMacvlan':
      return createMacvlan(change);
    case 'DeleteLink':
      return new MessageWriter(k.RTM_DELLINK, DO).bytes(linkHeader(change.ifindex)).finish();
    case 'SetLink':
      return setLink(change);
    case 'AddAddress':
      return address(k.RTM_NEWADDR, CREATE, change);
    case 'RemoveAddress':
      return address(k.RTM_DELADDR, DO, change);
    case 'AddRoute':
      return route(k.RTM_NEWROUTE, CREATE, change);
    case 'ReplaceRoute':
      return route(k.RTM_NEWROUTE, PUT, change);
    case 'RemoveRoute':
      return route(k.RTM_DELROUTE, DO, change);
    case 'AddProxy':
      return proxy(k.RTM_NEWNEIGH, PUT, change);
    case 'RemoveProxy':
      return proxy(k.RTM_DELNEIGH, DO, change);
    case 'SetNeighbour':
      return neighbour(k.RTM_NEWNEIGH, PUT, change);
    default:
      return neighbour(k.RTM_DELNEIGH, DO, change);
  }
}

/** Asks for all links, without their counters. */
export function encodeLinkDump(): Buffer {
  return new MessageWriter(k.RTM_GETLINK, DUMP)
    .bytes(linkHeader(0))
    .u32(k.IFLA_EXT_MASK, k.RTEXT_FILTER_SKIP_STATS)
    .finish();
}

/** Asks for one link; its answer is the link, then an acknowledgement. */
export function encodeLinkGet(ifindex: number): Buffer {
  return new MessageWriter(k.RTM_GETLINK, DO)
    .bytes(linkHeader(ifindex))
    .u32(k.IFLA_EXT_MASK, k.RTEXT_FILTER_SKIP_STATS)
    .finish();
}

/**
 * Asks for addresses of both families.
 * @param ifindex only those of this link; default: all
 */
export function encodeAddressDump(ifindex = 0): Buffer {
  const header = Buffer.alloc(8);
  header.writeUInt32LE(ifindex, 4);
  return new MessageWriter(k.RTM_GETADDR, DUMP).bytes(header).finish();
}

/** Asks for the main table of a family. */
export function encodeRouteDump(family: Family): Buffer {
  const header = Buffer.alloc(12);
  header.writeUInt8(familyNumber(family), 0);
  header.writeUInt8(k.RT_TABLE_MAIN, 4);
  return new MessageWriter(k.RTM_GETROUTE, DUMP).bytes(header).u32(k.RTA_TABLE, k.RT_TABLE_MAIN).finish();
}

/** Asks for the neighbours on one link, of both families. */
export function encodeNeighbourDump(ifindex: number): Buffer {
  return new MessageWriter(k.RTM_GETNEIGH, DUMP).bytes(Buffer.alloc(12)).u32(k.NDA_IFINDEX, ifindex).finish();
}

/** Asks for the IPv6 addresses that the node answers for on one link. */
export function encodeProxyDump(ifindex: number): Buffer {
  const header = Buffer.alloc(12);
  header.writeUInt8(k.AF_INET6, 0);
  header.writeUInt8(k.NTF_PROXY, 10);
  return new MessageWriter(k.RTM_GETNEIGH, DUMP).bytes(header).u32(k.NDA_IFINDEX, ifindex).finish();
}

function altName(type: number, flags: number, change: OfType<'AddAltName' | 'RemoveAltName'>): Buffer {
  return new MessageWriter(type, flags)
    .bytes(linkHeader(change.ifindex))
    .nest(k.IFLA_PROP_LIST, (w) => w.text(k.IFLA_ALT_IFNAME, change.name))
    .finish();
}

function createMacvlan(change: OfType<'CreateMacvlan'>): Buffer {
  return new MessageWriter(k.RTM_NEWLINK, CREATE)
    .bytes(linkHeader(0))
    .text(k.IFLA_IFNAME, change.name)
    .u32(k.IFLA_LINK, change.parent)
    .u32(k.IFLA_MTU, change.mtu)
    .attribute(k.IFLA_ADDRESS, macBytes(change.mac))
    .nest(k.IFLA_LINKINFO, (w) => {
      w.text(k.IFLA_INFO_KIND, 'macvlan');
      w.nest(k.IFLA_INFO_DATA, (data) => data.u32(k.IFLA_MACVLAN_MODE, k.MACVLAN_MODE_BRIDGE));
    })
    .finish();
}

function setLink(change: OfType<'SetLink'>): Buffer {
  const up = change.up === true ? k.IFF_UP : 0;
  const touched = change.up === undefined ? 0 : k.IFF_UP;
  const writer = new MessageWriter(k.RTM_NEWLINK, DO).bytes(linkHeader(change.ifindex, up, touched));
  if (change.mac !== undefined) writer.attribute(k.IFLA_ADDRESS, macBytes(change.mac));
  if (change.mtu !== undefined) writer.u32(k.IFLA_MTU, change.mtu);
  if (change.note !== undefined) writer.text(k.IFLA_IFALIAS, change.note);
  const { addressGeneration, arpFilter } = change;
  if (addressGeneration === undefined && arpFilter === undefined) return writer.finish();
  return writer
    .nest(k.IFLA_AF_SPEC, (families) => {
      if (arpFilter === true) {
        families.nest(k.AF_INET, (v4) => v4.nest(k.IFLA_INET_CONF, (c) => c.u32(k.IPV4_DEVCONF_ARPFILTER, 1)));
      }
      if (addressGeneration === 'None') {
        families.nest(k.AF_INET6, (v6) => v6.u8(k.IFLA_INET6_ADDR_GEN_MODE, k.IN6_ADDR_GEN_MODE_NONE));
      }
    })
    .finish();
}

function address(type: number, flags: number, change: OfType<'AddAddress' | 'RemoveAddress'>): Buffer {
  const bytes = addressBytes(change.address);
  const header = Buffer.alloc(8);
  header.writeUInt8(bytes.length === 4 ? k.AF_INET : k.AF_INET6, 0);
  header.writeUInt8(change.prefixLength, 1);
  header.writeUInt32LE(change.ifindex, 4);
  const writer = new MessageWriter(type, flags)
    .bytes(header)
    .attribute(k.IFA_LOCAL, bytes)
    .attribute(k.IFA_ADDRESS, bytes);
  if (type === k.RTM_NEWADDR) writer.u32(k.IFA_FLAGS, k.IFA_F_NOPREFIXROUTE);
  return writer.finish();
}

function route(type: number, flags: number, change: OfType<'AddRoute' | 'ReplaceRoute' | 'RemoveRoute'>): Buffer {
  const destination = addressBytes(change.destination);
  const isRemoval = type === k.RTM_DELROUTE;
  const header = Buffer.alloc(12);
  header.writeUInt8(destination.length === 4 ? k.AF_INET : k.AF_INET6, 0);
  header.writeUInt8(change.prefixLength, 1);
  header.writeUInt8(k.RT_TABLE_MAIN, 4);
  // A removal leaves open who made the route and of which kind it is: whatever lies there goes.
  header.writeUInt8(isRemoval ? 0 : k.ROUTE_PROTOCOL, 5);
  header.writeUInt8(isRemoval ? 255 : k.RT_SCOPE_LINK, 6);
  header.writeUInt8(isRemoval ? 0 : k.RTN_UNICAST, 7);
  const writer = new MessageWriter(type, flags)
    .bytes(header)
    .attribute(k.RTA_DST, destination)
    .u32(k.RTA_OIF, change.ifindex)
    .u32(k.RTA_PRIORITY, change.metric);
  if (change.source !== undefined) writer.attribute(k.RTA_PREFSRC, addressBytes(change.source));
  return writer.finish();
}

function neighbour(type: number, flags: number, change: OfType<'SetNeighbour' | 'RemoveNeighbour'>): Buffer {
  const bytes = addressBytes(change.address);
  const header = Buffer.alloc(12);
  header.writeUInt8(bytes.length === 4 ? k.AF_INET : k.AF_INET6, 0);
  header.writeInt32LE(change.ifindex, 4);
  header.writeUInt16LE(k.NUD_PERMANENT, 8);
  const writer = new MessageWriter(type, flags).bytes(header).attribute(k.NDA_DST, bytes);
  if (type === k.RTM_NEWNEIGH) writer.attribute(k.NDA_LLADDR, macBytes(change.mac));
  return writer.finish();
}

function proxy(type: number, flags: number, change: OfType<'AddProxy' | 'RemoveProxy'>): Buffer {
  const header = Buffer.alloc(12);
  header.writeUInt8(k.AF_INET6, 0);
  header.writeInt32LE(change.ifindex, 4);
  header.writeUInt8(k.NTF_PROXY, 10);
  return new MessageWriter(type, flags).bytes(header).attribute(k.NDA_DST, addressBytes(change.address)).finish();
}

/** struct ifinfomsg: `change` says which of the flags are to be set. */
export function linkHeader(ifindex: number, flags = 0, change = 0): Buffer {
  const header = Buffer.alloc(16);
  header.writeInt32LE(ifindex, 4);
  header.writeUInt32LE(flags, 8);
  header.writeUInt32LE(change, 12);
  return header;
}

function familyNumber(family: Family): number {
  return family === 'IPv4' ? k.AF_INET : k.AF_INET6;
}

/** Six octets. */
export function macBytes(mac: string): Uint8Array {
  return Uint8Array.from(mac.split(':'), (octet) => Number.parseInt(octet, 16));
}

/** Network order. IPv6 is read in any spelling with at most one `::`. */
export function addressBytes(text: string): Buffer {
  const bytes = Buffer.alloc(text.includes(':') ? 16 : 4);
  if (bytes.length === 4) {
    bytes.writeUInt32BE(parseIPv4(text) ?? 0);
    return bytes;
  }
  const [head = '', tail] = text.split('::');
  const groups = (part: string): string[] => (part === '' ? [] : part.split(':'));
  const front = groups(head);
  const back = groups(tail ?? '');
  front.forEach((group, i) => void bytes.writeUInt16BE(Number.parseInt(group, 16), 2 * i));
  back.forEach((group, i) => void bytes.writeUInt16BE(Number.parseInt(group, 16), 16 - 2 * (back.length - i)));
  return bytes;
}
