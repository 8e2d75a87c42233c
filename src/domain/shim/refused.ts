// Which addresses of pods a node does not route to, whoever gave them: those that others have.
import type { Network } from '../net/network.ts';
import type { ProvenLink } from '../pod/proven.ts';

export type IsRefused = (link: ProvenLink, address: string) => boolean;

/**
 * Refused are the node's own addresses and those of its routers, without which it is lost; and what a link has come to by itself
 * while the LAN's neighbours know another host by it: who may change a pod's addresses could take anybody's.
 * @param parent index of the NIC below the shim
 */
export function refusalsOn(parent: number, { addresses, routes, neighbours }: Network): IsRefused {
  const vital = new Set([
    ...addresses.map(({ address }) => address),
    ...routes.flatMap(({ gateways = [] }) => gateways),
  ]);
  const onLan = neighbours.filter(({ ifindex, mac, isProxy }) => ifindex === parent && mac !== '' && isProxy !== true);
  const known = new Map(onLan.map((neighbour) => [neighbour.address, neighbour]));
  return ({ mac, learnt = [] }, address) => {
    if (vital.has(address)) return true;
    const neighbour = known.get(address);
    if (neighbour === undefined || neighbour.mac === mac) return false;
    return neighbour.isRouter === true || learnt.includes(address);
  };
}
