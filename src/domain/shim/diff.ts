// From the shims that are there to the shims that should be: the changes, in the order in which the kernel can make them.
import { SHIM_PREFIX } from '../../api/names.ts';
import type { Change, LinkChange } from '../net/change.ts';
import { findByIndex, type Link, type Network } from '../net/network.ts';
import type { ShimPlan, ShimPod } from './plan.ts';

const HOST = 32;
/** Our host routes carry no metric of their own. */
const METRIC = 0;

/**
 * The next changes for all shims, and for links that are shims no more. A new shim takes more than one round, each planned
 * from a fresh look: what may speak on the LAN (link up) comes only after the look that shows it silenced.
 */
export function diffShims(plans: readonly ShimPlan[], network: Network): readonly Change[] {
  return [...removeStrays(plans, network.links), ...plans.flatMap((plan) => diffShim(plan, network))];
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
  const settings = settingsOf(plan, link);
  // Addresses and routes wait for the settings: before arp_filter is on, the LAN would learn the shim's MAC address.
  if (settings !== undefined) return [settings];
  // The kernel refuses to start a macvlan whose parent is off; once started it stays so when the parent goes off.
  if (!link.isUp && !parent.isUp) return [];
  const { ifindex, name } = link;
  return [
    ...(link.isUp ? [] : ([{ type: 'SetLink', ifindex, name, up: true }] as const)),
    ...diffAddresses(plan, ifindex, network),
    ...diffRoutes(plan, ifindex, network),
    ...diffNeighbours(plan, ifindex, network),
  ];
}

/** Whether the link is the shim as far as what cannot be changed goes. */
function isShimOf(plan: ShimPlan, link: Link): boolean {
  return (
    link.name === plan.name && link.kind === 'macvlan' && link.lower === plan.parent && link.macvlanMode === 'bridge'
  );
}

/**
 * Links with our prefix that no plan wants, and links that have taken a shim's MAC address on its parent: a shim that
 * somebody renamed would keep the new one from starting. Only macvlan links are ever deleted.
 */
function removeStrays(plans: readonly ShimPlan[], links: readonly Link[]): readonly Change[] {
  return links
    .filter((link) => link.kind === 'macvlan' && !plans.some((plan) => isShimOf(plan, link)))
    .filter((link) => link.name.startsWith(SHIM_PREFIX) || plans.some((plan) => isDouble(plan, link)))
    .map(({ ifindex, name }) => ({ type: 'DeleteLink', ifindex, name }));
}

function isDouble(plan: ShimPlan, link: Link): boolean {
  return link.lower === plan.parent && link.mac === plan.mac;
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
  };
  return Object.keys(change).length > 3 ? change : undefined;
}

function diffAddresses(plan: ShimPlan, ifindex: number, network: Network): readonly Change[] {
  const there = network.addresses.filter((address) => address.ifindex === ifindex);
  const isWanted = (address: (typeof there)[number]): boolean =>
    address.prefixLength === HOST && address.isNoPrefixRoute && plan.addresses.includes(address.address);
  const extra = there.filter((address) => !isWanted(address));
  const missing = plan.addresses.filter((wanted) => !there.some((a) => a.address === wanted && isWanted(a)));
  return [
    ...extra.map(({ address, prefixLength }) => ({ type: 'RemoveAddress', ifindex, address, prefixLength }) as const),
    ...missing.map((address) => ({ type: 'AddAddress', ifindex, address, prefixLength: HOST }) as const),
  ];
}

function diffRoutes(plan: ShimPlan, ifindex: number, network: Network): readonly Change[] {
  const routes = network.routes.filter((route) => route.family === 'IPv4');
  const wanted = new Map(plan.pods.map((pod) => [pod.address, pod]));
  const done = new Set<string>();
  const inTheWay = new Set<string>();
  const changes: Change[] = [];
  for (const route of routes) {
    const { destination, prefixLength, metric } = route;
    const pod = prefixLength === HOST && metric === METRIC ? wanted.get(destination) : undefined;
    const isOnShim = route.links.includes(ifindex);
    if (pod !== undefined && isOnShim && isRouteTo(pod, route)) done.add(destination);
    // The same route over the parent leads nowhere (the kernel keeps a NIC from its own macvlans), so ours may replace it.
    else if (pod !== undefined && (isOnShim || route.links.includes(plan.parent))) inTheWay.add(destination);
    else if (isOnShim) changes.push({ type: 'RemoveRoute', ifindex, destination, prefixLength, metric });
  }
  for (const { address, source } of plan.pods) {
    if (done.has(address)) continue;
    const type = inTheWay.has(address) ? 'ReplaceRoute' : 'AddRoute';
    changes.push({ type, ifindex, destination: address, prefixLength: HOST, source, metric: METRIC });
  }
  return changes;
}

function isRouteTo(pod: ShimPod, route: Network['routes'][number]): boolean {
  return (
    route.source === pod.source && route.isUnicast && route.isLinkScope && !route.hasGateway && route.links.length === 1
  );
}

function diffNeighbours(plan: ShimPlan, ifindex: number, network: Network): readonly Change[] {
  const there = new Map(
    network.neighbours
      .filter((neighbour) => neighbour.ifindex === ifindex && neighbour.isPermanent)
      .map((neighbour) => [neighbour.address, neighbour]),
  );
  const pods = new Set(plan.pods.map((pod) => pod.address));
  const extra = [...there.values()].filter((neighbour) => neighbour.family === 'IPv4' && !pods.has(neighbour.address));
  const missing = plan.pods.filter((pod) => there.get(pod.address)?.mac !== pod.mac);
  return [
    ...extra.map(({ address, mac }) => ({ type: 'RemoveNeighbour', ifindex, address, mac }) as const),
    ...missing.map(({ address, mac }) => ({ type: 'SetNeighbour', ifindex, address, mac }) as const),
  ];
}
