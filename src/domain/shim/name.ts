// Name and MAC address of a shim: always the same for the same NIC of the same node, and different on every node of a LAN.
import { LINK_NAME_MAX, SHIM_PREFIX } from '../../api/names.ts';
import { base32, hash64 } from '../net/hash.ts';
import { localMac } from '../net/mac.ts';

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
