// Which pods a shim leads to, with which address of the node, and what is wrong with those that it cannot lead to.
import { parseAddress } from '../net/address-range.ts';
import { formatAddress } from '../net/address-text.ts';
import { subnetHolds } from '../net/cidr.ts';
import type { Address, Family, Link, Network } from '../net/network.ts';
import type { ProvenLink } from '../pod/proven.ts';
import type { Problem } from '../problem.ts';
import { refusalsOn } from './refused.ts';

/** How one local pod is reached. */
export interface ShimPod {
  readonly address: string;
  readonly mac: string;
  /** The node's address that packets to the pod carry. */
  readonly source: string;
}

/**
 * The links' addresses that a shim can lead to, each with the source whose subnet holds it; sorted. What a link has come to by
 * itself comes last: no pod takes over the address that another was given.
 */
export function planPods(
  links: readonly ProvenLink[],
  parent: Link,
  own: readonly Address[],
  network: Network,
): readonly ShimPod[] {
  const isRefused = refusalsOn(parent.ifindex, network);
  const pods = new Map<string, ShimPod>();
  const granted = links.map((link) => ({ link, addresses: reachable(link, link.ips) }));
  const learnt = links.map((link) => ({ link, addresses: reachable(link, link.learnt ?? []) }));
  for (const { link, addresses } of [...granted, ...learnt]) {
    for (const address of addresses) {
      const source = sourceFor(address, own);
      // Two pods with one address is their conflict; the first keeps the route, so that nothing flaps.
      if (source === undefined || isRefused(link, address) || pods.has(address)) continue;
      pods.set(address, { address, mac: link.mac, source });
    }
  }
  return [...pods.values()].sort((a, b) => (a.address < b.address ? -1 : 1));
}

/** Whether the subnet of this address of the node holds the pod's. */
export function holds(own: Address, pod: string): boolean {
  return subnetHolds(own.address, own.prefixLength, pod);
}

/** The family of an address that is known to be one. */
export function familyOf(address: string): Family {
  return address.includes(':') ? 'IPv6' : 'IPv4';
}

/** What is wrong with these links on their parent: with the node, so that no pod can be reached, or with single pods. */
export function podProblems(
  links: readonly ProvenLink[],
  parent: Link,
  own: readonly Address[],
  network: Network,
): { readonly problems: readonly Problem[]; readonly podProblems: readonly Problem[] } {
  const missing = (['IPv4', 'IPv6'] as const).flatMap((family) => {
    const isCutOff = (ip: string) => familyOf(ip) === family && sourceFor(ip, own) === undefined;
    // An address that a router of the LAN gave to a pod, but not to the node, is no fault of anybody's.
    const cutOff = links.filter((link) => reachable(link, link.ips).some(isCutOff));
    const isNodes = !own.some((address) => address.family === family);
    return cutOff.length === 0 ? [] : [{ isNodes, problem: addressMissing(family, parent, cutOff) }];
  });
  const isRefused = refusalsOn(parent.ifindex, network);
  const refused = links.filter((link) => reachable(link, allOf(link)).some((ip) => isRefused(link, ip)));
  return {
    problems: missing.filter(({ isNodes }) => isNodes).map(({ problem }) => problem),
    podProblems: [
      ...missing.filter(({ isNodes }) => !isNodes).map(({ problem }) => problem),
      ...(refused.length === 0 ? [] : [addressRefused(refused)]),
    ],
  };
}

function allOf({ ips, learnt = [] }: ProvenLink): readonly string[] {
  return [...ips, ...learnt];
}

/**
 * Those of the link's addresses that a shim can lead to, in the kernel's spelling: those of its LAN, and only with a known MAC address.
 * An IPv6 link-local address means nothing outside its link.
 */
function reachable({ mac }: ProvenLink, ips: readonly string[]): readonly string[] {
  if (mac === '') return [];
  return ips.flatMap((ip) => {
    const address = parseAddress(ip);
    return address === undefined || LINK_LOCAL.test(ip) ? [] : [formatAddress(address)];
  });
}

const LINK_LOCAL = /^fe[89ab]/i;

function sourceFor(pod: string, own: readonly Address[]): string | undefined {
  return own.find((address) => holds(address, pod))?.address;
}

function addressMissing(family: Family, parent: Link, links: readonly ProvenLink[]): Problem {
  return {
    reason: 'HostAddressMissing',
    message: `${parent.name} has no ${family} address in the subnet of ${listPods(links)}.`,
    remedy: `Give ${parent.name} an address in that subnet, or set hostAccess to None.`,
  };
}

function addressRefused(links: readonly ProvenLink[]): Problem {
  return {
    reason: 'PodAddressRefused',
    message: `The node does not route to ${listPods(links)}: the address is its own, or that of a router or another host of the LAN.`,
    remedy: 'Give the pod another address: two hosts of a LAN cannot share one.',
  };
}

function listPods(links: readonly ProvenLink[]): string {
  const names = links.slice(0, 3).map((link) => `${link.namespace}/${link.name} (${allOf(link).join(', ')})`);
  return `${names.join(', ')}${links.length > names.length ? ` and ${links.length - names.length} more` : ''}`;
}
