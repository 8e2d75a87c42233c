// Which addresses of a pod's link other devices on the LAN have, too.
import type { PodRival } from '../../api/v1alpha1/node-state.ts';

/** Other devices on the LAN that have an address of a link; by `keyOfLink`. */
export type Rivals = ReadonlyMap<string, readonly PodRival[]>;

/** Addresses and MAC addresses of others, as far as they are the link's; sorted. */
export function contested(
  rivals: readonly PodRival[],
  link: { readonly mac: string; readonly ips: readonly string[] },
) {
  const own = new Set([link.mac, ...link.ips]);
  return [...new Set(rivals.flatMap(({ address, mac }) => [address, mac]))].filter((text) => own.has(text)).sort();
}
