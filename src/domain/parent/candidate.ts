// Which links of a node could carry a LAN at all: the first sieve, before any rule of an attachment is looked at.
import { PROBE_PREFIX, SHIM_PREFIX } from '../../api/names.ts';
import { type Address, findByIndex, type Link, type Network, type Route } from '../net/network.ts';

/** Why a link is no candidate, and what the user may name instead. */
export interface Unfit {
  /** Completes the sentence "eth0 …". */
  readonly because: string;
  readonly remedy: string;
}

type Check = (link: Link, network: Network) => Unfit | undefined;

/** Each says why a link cannot be a parent. The first that objects is told to the user. */
export const CANDIDATE_CHECKS: readonly Check[] = [
  isNoEthernet, // loopback, tunnels, VPNs: macvlan needs Ethernet frames
  isOurs, // a shim or a probe; a macvlan on it would land on the shim's own parent
  isMacvlanItself, // a child of another link; the kernel would use that other link
  isPort, // a bridge, bond or team has taken the link's receive path
  speaksNoArp, // dummies and the like: nobody is on the other side
  isPodEnd, // the node's end of a pod's own cable
];

/** Names that CNI plugins give to the node's end of a pod's veth (Calico, Cilium, bridge and ptp, AWS, Azure, GKE). */
const POD_END_NAMES = /^(cali|lxc|veth|eni[0-9a-f]{8}|azv|gke)/;

/** Why the link cannot carry a LAN; nothing when it can. */
export function unfitness(link: Link, network: Network): Unfit | undefined {
  for (const check of CANDIDATE_CHECKS) {
    const unfit = check(link, network);
    if (unfit !== undefined) return unfit;
  }
  return undefined;
}

/** The links that could be a parent, by name. */
export function candidatesOf(network: Network): readonly Link[] {
  return network.links
    .filter((link) => unfitness(link, network) === undefined)
    .sort((a, b) => (a.name < b.name ? -1 : 1));
}

function isNoEthernet(link: Link): Unfit | undefined {
  if (link.type === 'Ethernet') return undefined;
  const because = link.type === 'Loopback' ? 'is the loopback device' : 'is no Ethernet device';
  return { because, remedy: 'Name an Ethernet NIC that is connected to the LAN.' };
}

function isOurs(link: Link): Unfit | undefined {
  const isOwn = link.name.startsWith(SHIM_PREFIX) || link.name.startsWith(PROBE_PREFIX);
  if (link.kind !== 'macvlan' || !isOwn) return undefined;
  const what = link.name.startsWith(SHIM_PREFIX) ? 'host-access shim' : 'probe';
  return { because: `is a ${what} of this operator`, remedy: 'Name the NIC below it.' };
}

function isMacvlanItself(link: Link): Unfit | undefined {
  if (link.kind !== 'macvlan' && link.kind !== 'macvtap' && link.kind !== 'ipvlan' && link.kind !== 'ipvtap')
    return undefined;
  return { because: `is itself a ${link.kind} link`, remedy: 'Name the NIC below it.' };
}

function isPort(link: Link, network: Network): Unfit | undefined {
  if (link.master === undefined) return undefined;
  const master = findByIndex(network.links, link.master)?.name ?? 'another device';
  return { because: `is a port of ${master}`, remedy: `Name ${master} as the interface instead.` };
}

function speaksNoArp(link: Link): Unfit | undefined {
  if (!link.isNoArp && link.kind !== 'dummy') return undefined;
  return { because: 'does no ARP, so no LAN is behind it', remedy: 'Name a NIC that is connected to the LAN.' };
}

/**
 * A veth whose other end is in another namespace is a pod's cable when it is named as CNI plugins name theirs, or when it is
 * wired point to point (a host route leads to it and it has no subnet of its own). Ports of a bridge are gone already.
 * Any other veth may be the machine's own uplink, as in nested set-ups and in containers: it stays a candidate.
 */
function isPodEnd(link: Link, network: Network): Unfit | undefined {
  if (link.kind !== 'veth' || !link.isLowerElsewhere) return undefined;
  const isPointToPoint = leadsToSingleHost(link, network.routes) && !hasSubnet(link, network.addresses);
  if (!POD_END_NAMES.test(link.name) && !isPointToPoint) return undefined;
  return { because: "is the node's end of a pod's veth", remedy: 'Name a NIC that is connected to the LAN.' };
}

function leadsToSingleHost(link: Link, routes: readonly Route[]): boolean {
  return routes.some((route) => route.prefixLength > 0 && !route.hasGateway && route.links.includes(link.ifindex));
}

function hasSubnet(link: Link, addresses: readonly Address[]): boolean {
  return addresses.some((address) => {
    const host = address.family === 'IPv4' ? 32 : 128;
    return address.ifindex === link.ifindex && address.isGlobal && address.prefixLength < host;
  });
}
