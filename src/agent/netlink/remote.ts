// Looking into other network namespaces without entering them: the kernel gives each a number here, and answers for it.
import type { LiveAddress } from '../../domain/pod/live-addresses.ts';
import * as k from './constants.ts';
import { decodeAddress, decodeLink } from './decode.ts';
import { linkHeader } from './encode.ts';
import { type Message, MessageWriter, readAttributes, readText, readU32 } from './message.ts';

const DO = k.NLM_F_REQUEST | k.NLM_F_ACK;
/** struct rtgenmsg, padded. */
const HEADER = Buffer.alloc(4);

/** Gives the namespace behind a descriptor a number, for as long as it lives. EEXIST when it has one. */
export function encodeNumberNamespace(descriptor: number): Buffer {
  return new MessageWriter(k.RTM_NEWNSID, DO)
    .bytes(HEADER)
    .u32(k.NETNSA_FD, descriptor)
    .u32(k.NETNSA_NSID, k.NSID_ANY)
    .finish();
}

/** Asks for the number of the namespace behind a descriptor. */
export function encodeNamespaceNumber(descriptor: number): Buffer {
  return new MessageWriter(k.RTM_GETNSID, DO).bytes(HEADER).u32(k.NETNSA_FD, descriptor).finish();
}

/** The number in the answer; -1 when the namespace has none. */
export function decodeNamespaceNumber({ body }: Message): number {
  const number = readU32(readAttributes(body, HEADER.length).get(k.NETNSA_NSID));
  return number === undefined ? k.NSID_ANY : number | 0;
}

/** Asks for a link by its name; in the namespace of that number, or else in the socket's own. ENODEV when there is none. */
export function encodeNamedLinkGet(name: string, namespace?: number): Buffer {
  const writer = new MessageWriter(k.RTM_GETLINK, DO)
    .bytes(linkHeader(0))
    .text(k.IFLA_IFNAME, name)
    .u32(k.IFLA_EXT_MASK, k.RTEXT_FILTER_SKIP_STATS);
  if (namespace !== undefined) writer.u32(k.IFLA_TARGET_NETNSID, namespace);
  return writer.finish();
}

/** A link of another namespace. */
export interface RemoteLink {
  readonly ifindex: number;
  /** Index of the device below, in the namespace that has it. */
  readonly lower?: number;
  readonly kind?: string;
  /** What `ip link` shows as its alias: a note that programs may leave. */
  readonly note: string;
}

export function decodeRemoteLink({ body }: Message): RemoteLink {
  const link = decodeLink(body);
  return {
    ifindex: link?.ifindex ?? 0,
    ...(link?.lower === undefined ? {} : { lower: link.lower }),
    ...(link?.kind === undefined ? {} : { kind: link.kind }),
    note: readText(readAttributes(body, 16).get(k.IFLA_IFALIAS)) ?? '',
  };
}

/** Asks for the addresses of a link in the namespace of that number. */
export function encodeRemoteAddressDump(namespace: number, ifindex: number): Buffer {
  const header = Buffer.alloc(8);
  header.writeUInt32LE(ifindex, 4);
  return new MessageWriter(k.RTM_GETADDR, k.NLM_F_REQUEST | k.NLM_F_DUMP)
    .bytes(header)
    .u32(k.IFA_TARGET_NETNSID, namespace)
    .finish();
}

/** A global address in the answer; nothing for others. */
export function decodeRemoteAddress({ body }: Message): LiveAddress | undefined {
  const found = decodeAddress(body);
  const attributes = readAttributes(body, 8);
  // A kernel that does not know the question would tell of the node's own addresses.
  if (found === undefined || !found.isGlobal || !attributes.has(k.IFA_TARGET_NETNSID)) return undefined;
  const flags = readU32(attributes.get(k.IFA_FLAGS)) ?? body.readUInt8(2);
  const isPermanent = (flags & k.IFA_F_PERMANENT) !== 0;
  const isDuplicate = (flags & k.IFA_F_DADFAILED) !== 0;
  return {
    address: found.address,
    isUsable: found.isTentative !== true,
    isPermanent,
    ...(isDuplicate ? { isDuplicate } : {}),
  };
}
