// Which addresses a pod's link has now: what the plugins gave it, and what it has come to by itself since (router advertisements,
// DHCP), as the kernel shows it in the pod's namespace.
import type { CachedLink } from './cached-link.ts';

/** A global address of a link, as the kernel shows it. */
export interface LiveAddress {
  /** In the kernel's spelling, without prefix length. */
  readonly address: string;
  /** No search for duplicates goes on, and none has found one. */
  readonly isUsable: boolean;
  /** It has no end: somebody set it. What a router's advertisement or a DHCP client gave has a lifetime. */
  readonly isPermanent: boolean;
  /** The kernel asked the LAN whether anybody has it, and somebody answered (IPv6). */
  readonly isDuplicate?: true;
}

export interface LinkAddresses {
  /** By the plugins, for as long as they are the pod's. */
  readonly granted: readonly string[];
  /** Found on the link. */
  readonly learnt: readonly string[];
}

/** As many as a pod's entry in the node's state has room for. */
const LEARNT_MAX = 8;

/**
 * The addresses, sorted. What DHCP gave counts while it is there, since the server may give it to others afterwards; what other
 * plugins gave is the pod's until it ends, also where something in the pod (a virtual machine) has it now. Without a look into the namespace, those that the plugins gave. An address that the pod has given itself
 * for good counts only on a link without IPAM, where nobody else could have given one: who may change a pod's addresses must not
 * draw the node's traffic to any host of the LAN.
 */
export function addressesOf(cached: CachedLink, live: readonly LiveAddress[] | undefined): LinkAddresses {
  const given = [...new Set(cached.addresses.map(({ address }) => address))].sort();
  if (live === undefined) return { granted: given, learnt: [] };
  const learnt = live
    .filter(({ address, isUsable }) => isUsable && !given.includes(address))
    .filter(({ address, isPermanent }) => isCredible(cached.settings.ipam, address, isPermanent))
    .map(({ address }) => address);
  const isKept = (address: string) => live.some((shown) => shown.address === address);
  return {
    granted: isLasting(cached.settings.ipam) ? given : given.filter(isKept),
    learnt: learnt.sort().slice(0, LEARNT_MAX),
  };
}

function isLasting(ipam: string): boolean {
  return ipam !== 'dhcp' && ipam !== '';
}

function isCredible(ipam: string, address: string, isPermanent: boolean): boolean {
  if (ipam === '') return true;
  return address.includes(':') ? !isPermanent : ipam === 'dhcp';
}

/** Those that somebody else on the LAN has, sorted. */
export function duplicatesIn(live: readonly LiveAddress[]): readonly string[] {
  const found = live.filter(({ isDuplicate }) => isDuplicate === true).map(({ address }) => address);
  return found.sort().slice(0, LEARNT_MAX);
}
