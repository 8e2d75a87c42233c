// From the shims that are there to the shims that should be: the changes, in the order in which the kernel can make them.
import type { Change, LinkChange } from '../net/change.ts';
import { findByIndex, type Link, type Network, type Route } from '../net/network.ts';
import { isEqual } from '../objects/equal.ts';
import { EGRESS_MAX } from './egress.ts';
import { isOwnShim, SHIM_NOTE } from './name.ts';
import type { ShimPlan } from './plan.ts';
import { familyOf, type ShimPod } from './pods.ts';

/** Prefix length of a single address. */
const HOST = { IPv4: 32, IPv6: 128 } as const;
/** Our host routes carry no metric of their own; for IPv6 the kernel's word for none is 1024. */
const METRIC = { IPv4: 0, IPv6: 1024 } as const;

/**
 * The next changes for all shims, and for links that are shims no more. A new shim takes more than one round, each planned
 * from a fresh look: what may speak on the LAN (link up) comes only after the look that shows it silenced.
 * @param about.held names of shims that are not put back for now; what keeps the LAN safe from them is done all the same
 */
export function diffShims(
  plans: readonly ShimPlan[],
  network: Network,
  { nodeUid, held = new Set() }: { readonly nodeUid: string; readonly held?: ReadonlySet<string> | undefined },
): readonly Change[] {
  return [
    ...removeStrays(plans, network.links, nodeUid),
    ...plans.flatMap((plan) => (held.has(plan.name) ? calmShim(plan, network) : diffShim(plan, network))),
  ];
}

/**
 * While a shim is held back: whatever it lacks of silence is set, and until its next try it is down, since somebody undoes just
 * that. Addresses that are not ours come off.
 */
function calmShim(plan: ShimPlan, network: Network): readonly Change[] {
  const link = network.links.find((candidate) => isShimOf(plan, candidate));
  if (link === undefined) return [];
  const settings = settingsOf(plan, link);
  const down = link.isUp ? { up: false } : {};
  return [
    ...deafnessOf(link),
    ...(settings === undefined ? [] : [{ ...settings, ...down }]),
    ...diffAddresses(plan, link.ifindex, network).filter(({ type }) => type === 'RemoveAddress'),
    ...diffEgress(plan, link),
  ];
}

/** Should it be refused, a default route from there is taken off as it comes: the shim need not wait for it. */
function deafnessOf({ acceptsRouters, ifindex, name }: Link): readonly Change[] {
  return acceptsRouters === true ? [{ type: 'IgnoreRouters', ifindex, name }] : [];
}

/** The next changes for one shim; none when all is as it should be. */
export function diffShim(plan: ShimPlan, network: Network): readonly Change[] {
  const parent = findByIndex(network.links, plan.parent);
  if (parent === undefined) return [];
  const link = network.links.find((candidate) => isShimOf(plan, candidate));
  if (link === undefined) {
    const { name, mac, mtu } = plan;
    return [{ type: 'CreateMacvlan', name, parent: plan.parent, mac, mtu }];
  }
  const { ifindex, name } = link;
  const deafness = deafnessOf(link);
  const settings = settingsOf(plan, link);
  // Addresses and routes wait for the settings: before arp_filter is on, the LAN would learn the shim's MAC address.
  if (settings !== undefined) return [...deafness, settings];
  // The kernel refuses to start a macvlan whose parent is off; once started it stays so when the parent goes off.
  if (!link.isUp && !parent.isUp) return deafness;
  const routes = diffRoutes(plan, ifindex, network);
  return [
    ...deafness,
    ...(link.isUp ? [] : ([{ type: 'SetLink', ifindex, name, up: true }] as const)),
    ...diffAddresses(plan, ifindex, network),
    // No packet to a pod may go without its neighbour: the kernel would ask the LAN for it, with the shim's MAC address.
    ...routes.filter(({ type }) => type === 'RemoveRoute'),
    ...diffNeighbours(plan, ifindex, network),
    ...routes.filter(({ type }) => type !== 'RemoveRoute'),
    ...diffEgress(plan, link),
    ...diffProxies(plan, ifindex, network),
    ...diffNdpProxy(plan, link),
  ];
}

/** Whether the link is the shim as far as what cannot be changed goes. */
function isShimOf(plan: ShimPlan, link: Link): boolean {
  return (
    link.name === plan.name && link.kind === 'macvlan' && link.lower === plan.parent && link.macvlanMode === 'bridge'
  );
}

/**
 * Shims of ours that no plan wants, and links that have taken a shim's name, or its MAC address on its parent: a shim that
 * somebody renamed would keep the new one from starting. Only macvlan links are ever deleted, and of those none that is not
 * proven to be ours: names and MAC addresses of shims are hashes that nobody else has.
 */
function removeStrays(plans: readonly ShimPlan[], links: readonly Link[], nodeUid: string): readonly Change[] {
  return links
    .filter((link) => link.kind === 'macvlan' && !plans.some((plan) => isShimOf(plan, link)))
    .filter((link) => isOwnShim(link, nodeUid) || plans.some((plan) => isDouble(plan, link)))
    .map(({ ifindex, name }) => ({ type: 'DeleteLink', ifindex, name }));
}

function isDouble(plan: ShimPlan, link: Link): boolean {
  return link.name === plan.name || (link.lower === plan.parent && link.mac === plan.mac);
}

/** What has to be set before the shim may start, as one change; nothing when all is set. */
function settingsOf(plan: ShimPlan, link: Link): LinkChange | undefined {
  const change: LinkChange = {
    type: 'SetLink',
    ifindex: link.ifindex,
    name: link.name,
    ...(link.mac === plan.mac ? {} : { mac: plan.mac }),
    ...(link.mtu === plan.mtu ? {} : { mtu: plan.mtu }),
    // Missing when IPv6 is off in the kernel, which would refuse the setting.
    ...(link.addressGeneration === 'Other' ? { addressGeneration: 'None' } : {}),
    ...(link.arpFilter === true ? {} : { arpFilter: true }),
    ...(link.note === SHIM_NOTE ? {} : { note: SHIM_NOTE }),
  };
  return Object.keys(change).length > 3 ? change : undefined;
}

function diffAddresses(plan: ShimPlan, ifindex: number, network: Network): readonly Change[] {
  const there = network.addresses.filter((address) => address.ifindex === ifindex);
  const isWanted = (address: (typeof there)[number]): boolean =>
    address.prefixLength === HOST.IPv4 && address.isNoPrefixRoute && plan.addresses.includes(address.address);
  const extra = there.filter((address) => !isWanted(address));
  const missing = plan.addresses.filter((wanted) => !there.some((a) => a.address === wanted && isWanted(a)));
  return [
    ...extra.map(({ address, prefixLength }) => ({ type: 'RemoveAddress', ifindex, address, prefixLength }) as const),
    ...missing.map((address) => ({ type: 'AddAddress', ifindex, address, prefixLength: HOST.IPv4 }) as const),
  ];
}

function diffRoutes(plan: ShimPlan, ifindex: number, network: Network): readonly Change[] {
  const standing = network.routes.map((route) => ({ route, is: standingOf(route, plan, ifindex) }));
  const having = (is: Standing) => standing.filter((entry) => entry.is === is).map((entry) => entry.route);
  const done = new Set(having('AsPlanned').map((route) => route.destination));
  const inTheWay = new Set(having('InTheWay').map((route) => route.destination));
  return [
    ...having('Stray').map(
      ({ destination, prefixLength, metric }) =>
        ({ type: 'RemoveRoute', ifindex, destination, prefixLength, metric }) as const,
    ),
    ...plan.pods
      .filter((pod) => !done.has(pod.address))
      .map(({ address, source }) => {
        const type = inTheWay.has(address) ? ('ReplaceRoute' as const) : ('AddRoute' as const);
        const family = familyOf(address);
        return { type, ifindex, destination: address, prefixLength: HOST[family], source, metric: METRIC[family] };
      }),
  ];
}

type Standing = 'AsPlanned' | 'InTheWay' | 'Stray' | 'Foreign';

function standingOf(route: Route, plan: ShimPlan, ifindex: number): Standing {
  const isOnShim = route.links.includes(ifindex);
  const isOurs = route.prefixLength === HOST[route.family] && route.metric === METRIC[route.family];
  const pod = isOurs ? plan.pods.find((candidate) => candidate.address === route.destination) : undefined;
  if (pod === undefined) return isOnShim ? 'Stray' : 'Foreign';
  if (isOnShim) return isRouteTo(pod, route) ? 'AsPlanned' : 'InTheWay';
  // The same route over the parent leads nowhere (the kernel keeps a NIC from its own macvlans), so ours may replace it.
  return route.links.includes(plan.parent) ? 'InTheWay' : 'Foreign';
}

function isRouteTo(pod: ShimPod, route: Route): boolean {
  // IPv6 routes have no scope.
  const isDirect = (route.isLinkScope || route.family === 'IPv6') && !route.hasGateway;
  return route.source === pod.source && route.isUnicast && isDirect && route.links.length === 1;
}

function diffNeighbours(plan: ShimPlan, ifindex: number, network: Network): readonly Change[] {
  const there = new Map(
    network.neighbours
      .filter((neighbour) => neighbour.ifindex === ifindex && neighbour.isPermanent)
      .map((neighbour) => [neighbour.address, neighbour]),
  );
  const pods = new Set(plan.pods.map((pod) => pod.address));
  const extra = [...there.values()].filter((neighbour) => !pods.has(neighbour.address));
  const missing = plan.pods.filter((pod) => there.get(pod.address)?.mac !== pod.mac);
  return [
    ...extra.map(({ address, mac }) => ({ type: 'RemoveNeighbour', ifindex, address, mac }) as const),
    ...missing.map(({ address, mac }) => ({ type: 'SetNeighbour', ifindex, address, mac }) as const),
  ];
}

/**
 * A shim that answers for the node hears the LAN's questions too. The filter keeps its answers, and all else, from the LAN. It
 * stays when the last IPv6 pod goes: to IPv4 it makes no difference while it is right, and it is kept right.
 */
function diffEgress(plan: ShimPlan, { ifindex, egress }: Link): readonly Change[] {
  const isNeeded = plan.proxied.length > 0 || Array.isArray(egress);
  const macs = [...new Set(plan.pods.map((pod) => pod.mac))].sort();
  if (egress === undefined || !isNeeded || macs.length > EGRESS_MAX || isEqual(egress, macs)) return [];
  return [{ type: 'FilterEgress', ifindex, macs }];
}

function diffProxies(plan: ShimPlan, ifindex: number, network: Network): readonly Change[] {
  const there = network.neighbours.filter((entry) => entry.isProxy === true && entry.ifindex === ifindex);
  const known = new Set(there.map(({ address }) => address));
  return [
    ...there
      .filter(({ address }) => !plan.proxied.includes(address))
      .map(({ address }) => ({ type: 'RemoveProxy', ifindex, address }) as const),
    ...plan.proxied
      .filter((address) => !known.has(address))
      .map((address) => ({ type: 'AddProxy', ifindex, address }) as const),
  ];
}

/**
 * On only while there is somebody to answer: a link that forwards takes part in the LAN's multicast. A link may have forwarding
 * from the node's defaults; that alone is none of our doing and stays.
 */
function diffNdpProxy(plan: ShimPlan, { ifindex, name, isNdpProxy, isIPv6Forwarding }: Link): readonly Change[] {
  if (isNdpProxy === undefined) return [];
  if (plan.proxied.length === 0) return isNdpProxy ? [{ type: 'StopNdpProxy', ifindex, name }] : [];
  return isNdpProxy && isIPv6Forwarding === true ? [] : [{ type: 'StartNdpProxy', ifindex, name }];
}

/** Whether the shim works: it is there, switched on, and nothing about it is to be changed. */
export function isComplete(plan: ShimPlan, network: Network): boolean {
  const link = network.links.find((candidate) => isShimOf(plan, candidate));
  return link?.isUp === true && diffShim(plan, network).length === 0;
}

/** Whether there are routes or neighbours on the shim that lead to no pod of the plan. */
export function hasStrays(plan: ShimPlan, network: Network): boolean {
  const link = network.links.find((candidate) => isShimOf(plan, candidate));
  if (link === undefined) return false;
  const changes = [...diffRoutes(plan, link.ifindex, network), ...diffNeighbours(plan, link.ifindex, network)];
  return changes.some(({ type }) => type === 'RemoveRoute' || type === 'RemoveNeighbour');
}
