// The messages that make a pod's link again: one on the node, that puts it into the pod's namespace; the others in there.
import type { CachedAddress, CachedRoute } from '../../domain/pod/cached-link.ts';
import type { RepairPlan } from '../../domain/pod/repair.ts';
import * as k from './constants.ts';
import { addressBytes, linkHeader, macBytes } from './encode.ts';
import { MessageWriter } from './message.ts';

const DO = k.NLM_F_REQUEST | k.NLM_F_ACK;
const CREATE = DO | k.NLM_F_CREATE | k.NLM_F_EXCL;

/** A macvlan link in the namespace behind the descriptor, under a name of its own and down: nobody takes it for the real one. */
export function encodeLinkInto(namespace: number, name: string, plan: RepairPlan): Buffer {
  const mode = Object.entries(k.MACVLAN_MODES).find(([, known]) => known === plan.mode)?.[0];
  const writer = new MessageWriter(k.RTM_NEWLINK, CREATE)
    .bytes(linkHeader(0))
    .text(k.IFLA_IFNAME, name)
    .u32(k.IFLA_LINK, plan.parent)
    .u32(k.IFLA_NET_NS_FD, namespace)
    .attribute(k.IFLA_ADDRESS, macBytes(plan.mac));
  if (plan.mtu !== undefined) writer.u32(k.IFLA_MTU, plan.mtu);
  return writer
    .nest(k.IFLA_LINKINFO, (w) => {
      w.text(k.IFLA_INFO_KIND, 'macvlan');
      w.nest(k.IFLA_INFO_DATA, (data) => data.u32(k.IFLA_MACVLAN_MODE, Number(mode ?? k.MACVLAN_MODE_BRIDGE)));
    })
    .finish();
}

/** Lets the link announce its IPv4 addresses when it goes up, so that switches learn at once behind which port it is now. */
export function encodeAnnounce(ifindex: number): Buffer {
  return new MessageWriter(k.RTM_NEWLINK, DO)
    .bytes(linkHeader(ifindex))
    .nest(k.IFLA_AF_SPEC, (families) =>
      families.nest(k.AF_INET, (v4) => v4.nest(k.IFLA_INET_CONF, (c) => c.u32(k.IPV4_DEVCONF_ARP_NOTIFY, 1))),
    )
    .finish();
}

/** The link gets its real name and a note, and goes up: all of it or nothing. */
export function encodeTakePlace(ifindex: number, name: string, note: string): Buffer {
  return new MessageWriter(k.RTM_NEWLINK, DO)
    .bytes(linkHeader(ifindex, k.IFF_UP, k.IFF_UP))
    .text(k.IFLA_IFNAME, name)
    .text(k.IFLA_IFALIAS, note)
    .finish();
}

export function encodeLinkDelete(ifindex: number): Buffer {
  return new MessageWriter(k.RTM_DELLINK, DO).bytes(linkHeader(ifindex)).finish();
}

/** An address, as the plugins give it: with a route for its prefix and, in IPv4, with the broadcast address. */
export function encodePodAddress(ifindex: number, { address, prefixLength }: CachedAddress): Buffer {
  const bytes = addressBytes(address);
  const isIPv4 = bytes.length === 4;
  const header = Buffer.alloc(8);
  header.writeUInt8(isIPv4 ? k.AF_INET : k.AF_INET6, 0);
  header.writeUInt8(prefixLength, 1);
  header.writeUInt32LE(ifindex, 4);
  const writer = new MessageWriter(k.RTM_NEWADDR, CREATE)
    .bytes(header)
    .attribute(k.IFA_LOCAL, bytes)
    .attribute(k.IFA_ADDRESS, bytes);
  if (isIPv4 && prefixLength < 31) writer.attribute(k.IFA_BROADCAST, broadcastOf(bytes, prefixLength));
  return writer.finish();
}

export function encodePodRoute(ifindex: number, route: CachedRoute): Buffer {
  const destination = addressBytes(route.destination);
  const header = Buffer.alloc(12);
  header.writeUInt8(destination.length === 4 ? k.AF_INET : k.AF_INET6, 0);
  header.writeUInt8(route.prefixLength, 1);
  header.writeUInt8(k.RTPROT_BOOT, 5);
  header.writeUInt8(route.scope ?? (route.gateway === undefined ? k.RT_SCOPE_LINK : k.RT_SCOPE_UNIVERSE), 6);
  header.writeUInt8(k.RTN_UNICAST, 7);
  const writer = new MessageWriter(k.RTM_NEWROUTE, CREATE)
    .bytes(header)
    .attribute(k.RTA_DST, destination)
    .u32(k.RTA_OIF, ifindex)
    .u32(k.RTA_TABLE, route.table ?? k.RT_TABLE_MAIN);
  if (route.gateway !== undefined) writer.attribute(k.RTA_GATEWAY, addressBytes(route.gateway));
  if (route.metric !== undefined) writer.u32(k.RTA_PRIORITY, route.metric);
  const { mtu, advertisedMss } = route;
  if (mtu === undefined && advertisedMss === undefined) return writer.finish();
  return writer
    .nest(k.RTA_METRICS, (metrics) => {
      if (mtu !== undefined) metrics.u32(k.RTAX_MTU, mtu);
      if (advertisedMss !== undefined) metrics.u32(k.RTAX_ADVMSS, advertisedMss);
    })
    .finish();
}

function broadcastOf(address: Buffer, prefixLength: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE((address.readUInt32BE(0) | (0xffffffff >>> prefixLength)) >>> 0);
  return bytes;
}
