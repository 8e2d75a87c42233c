// Name, MAC address and mark of a shim: the same for the same NIC of the same node, and different on every node of a LAN.
import { LINK_NAME_MAX, SHIM_PREFIX } from '../../api/names.ts';
import { base32, hash64 } from '../net/hash.ts';
import { localMac } from '../net/mac.ts';
import type { Link } from '../net/network.ts';

/** On each shim; `ip link` shows it as the link's alias. */
export const SHIM_NOTE = 'shim of macvlan.dev';

/**
 * The name of the shim of a NIC.
 * @param identity what stays the same about the NIC: its MAC address, as far as it has one of its own
 */
export function shimNameFor(nodeUid: string, identity: string): string {
  return SHIM_PREFIX + base32(hash64(`shim|${nodeUid}|${identity}`), LINK_NAME_MAX - SHIM_PREFIX.length);
}

/** The MAC address of the shim of that name. It follows the name, so that a shim which keeps its name keeps its address. */
export function shimMacFor(nodeUid: string, name: string): string {
  return localMac(hash64(`mac|${nodeUid}|${name}`));
}

/** Whether the link is a shim of ours. A name with our prefix alone proves nothing: anybody may give it to a link. */
export function isOwnShim({ kind, name, mac, note }: Link, nodeUid: string): boolean {
  if (kind !== 'macvlan') return false;
  return note === SHIM_NOTE || (name.startsWith(SHIM_PREFIX) && mac === shimMacFor(nodeUid, name));
}
