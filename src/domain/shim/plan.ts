// What the host-access shims of a node should look like: one per parent NIC, with everything that the recipe needs.
import { SHIM_PREFIX } from '../../api/names.ts';
import { parseAddress } from '../net/address-range.ts';
import { formatAddress } from '../net/address-text.ts';
import { subnetHolds } from '../net/cidr.ts';
import type { Address, Family, Link, Network } from '../net/network.ts';
import { identityMac } from '../parent/fact.ts';
import type { AttachedPod } from '../pod/attached.ts';
import type { Problem } from '../problem.ts';
import { shimMacFor, shimNameFor } from './name.ts';

/** A shim as it should be. Its lists are sorted. */
export interface ShimPlan {
  readonly name: string;
  readonly mac: string;
  readonly parent: number;
  /** The parent's, in bytes. */
  readonly mtu: number;
  /** The node's own IPv4 addresses on the parent; each is to be on the shim too, as /32 that makes no route. */
  readonly addresses: readonly string[];
  /**
   * The node's own IPv6 addresses for which the shim answers its pods. Never on the shim: it would answer the LAN as well, with
   * its own MAC address. Empty unless there is a pod to answer: then nothing of IPv6 is on the shim.
   */
  readonly proxied: readonly string[];
  /** Local pods, each with a host route and a permanent neighbour. */
  readonly pods: readonly ShimPod[];
  /** Attachments that share the shim. */
  readonly attachments: readonly string[];
}

/** How one local pod is reached. */
export interface ShimPod {
  readonly address: string;
  readonly mac: string;
  /** The node's address that packets to the pod carry. */
  readonly source: string;
}

/** An attachment that wants host access, with its verified parent. */
export interface ShimUser {
  readonly attachment: string;
  readonly parent: Link;
  readonly pods: readonly AttachedPod[];
}

export interface ShimPlans {
  readonly shims: readonly ShimPlan[];
  /** What is wrong, by attachment. */
  readonly problems: ReadonlyMap<string, readonly Problem[]>;
}

/** The shims that the attachments want, by name. No attachment, no shim. */
export function planShims(users: readonly ShimUser[], network: Network, nodeUid: string): ShimPlans {
  const problems = new Map<string, readonly Problem[]>();
  const shims: ShimPlan[] = [];
  const taken = new Set<string>();
  const parents = [...new Map(users.map((user) => [user.parent.ifindex, user.parent])).values()];
  for (const parent of parents.sort((a, b) => a.ifindex - b.ifindex)) {
    const name = nameOn(parent, network.links, { nodeUid, taken });
    taken.add(name);
    const own = users.filter((user) => user.parent.ifindex === parent.ifindex);
    const addresses = ownAddresses(parent, network.addresses);
    const pods = planPods(own, addresses);
    shims.push({
      name,
      mac: shimMacFor(nodeUid, name),
      parent: parent.ifindex,
      mtu: parent.mtu,
      addresses: addresses
        .filter(isOf('IPv4'))
        .map((address) => address.address)
        .sort(),
      proxied: addresses
        .filter((own) => isOf('IPv6')(own) && pods.some((pod) => holds(own, pod.address)))
        .map((own) => own.address)
        .sort(),
      pods,
      attachments: own.map((user) => user.attachment).sort(),
    });
    for (const user of own) problems.set(user.attachment, problemsOf(user, parent, addresses));
  }
  return { shims: shims.sort((a, b) => (a.name < b.name ? -1 : 1)), problems };
}

/**
 * A shim that is there keeps its name, whatever happened to the NIC's own MAC address meanwhile: with another name comes
 * another MAC address, and the pods would talk to the old one until their ARP caches forget it. NICs that share a MAC
 * address (a VLAN and the NIC below it) get names in the order of their indexes.
 */
function nameOn(parent: Link, links: readonly Link[], ctx: { nodeUid: string; taken: ReadonlySet<string> }): string {
  const there = links
    .filter((link) => link.kind === 'macvlan' && link.lower === parent.ifindex && link.name.startsWith(SHIM_PREFIX))
    .map((link) => link.name)
    .sort();
  const identity = identityMac(parent);
  const derived = shimNameFor(ctx.nodeUid, identity);
  const [kept] = there.includes(derived) ? [derived] : there;
  if (kept !== undefined && !ctx.taken.has(kept)) return kept;
  for (let i = 0, name = derived; ; i++, name = shimNameFor(ctx.nodeUid, `${identity}|${i}`)) {
    if (!ctx.taken.has(name)) return name;
  }
}

/**
 * The addresses by which the LAN knows the node: global, with a subnet. A single one (/32, /128) is an address that wanders
 * between nodes (virtual IPs of load balancers); secondary ones are second names within the same subnet, or change every day.
 */
function ownAddresses(parent: Link, addresses: readonly Address[]): readonly Address[] {
  return addresses.filter(
    (a) =>
      a.ifindex === parent.ifindex &&
      a.isGlobal &&
      a.prefixLength < (a.family === 'IPv4' ? 32 : 128) &&
      !a.isSecondary &&
      a.isTentative !== true,
  );
}

function isOf(family: Family): (address: Address) => boolean {
  return (address) => address.family === family;
}

function planPods(users: readonly ShimUser[], addresses: readonly Address[]): readonly ShimPod[] {
  const pods = new Map<string, ShimPod>();
  for (const pod of users.flatMap((user) => user.pods)) {
    for (const address of reachable(pod)) {
      const source = sourceFor(address, addresses);
      // Two pods with one address is their conflict; the first keeps the route, so that nothing flaps.
      if (source === undefined || source === address || pods.has(address)) continue;
      pods.set(address, { address, mac: pod.mac, source });
    }
  }
  return [...pods.values()].sort((a, b) => (a.address < b.address ? -1 : 1));
}

/**
 * The pod's addresses that a shim can lead to, in the kernel's spelling: those of its LAN, and only with a known MAC address.
 * An IPv6 link-local address means nothing outside its link.
 */
function reachable(pod: AttachedPod): readonly string[] {
  if (pod.mac === '') return [];
  return pod.ips.flatMap((ip) => {
    const address = parseAddress(ip);
    return address === undefined || LINK_LOCAL.test(ip) ? [] : [formatAddress(address)];
  });
}

const LINK_LOCAL = /^fe[89ab]/i;

function sourceFor(pod: string, addresses: readonly Address[]): string | undefined {
  return addresses.find((own) => holds(own, pod))?.address;
}

function holds(own: Address, pod: string): boolean {
  return subnetHolds(own.address, own.prefixLength, pod);
}

function problemsOf(user: ShimUser, parent: Link, addresses: readonly Address[]): readonly Problem[] {
  return (['IPv4', 'IPv6'] as const).flatMap((family) =>
    missingAddress(
      family,
      parent,
      user.pods.filter((pod) =>
        reachable(pod).some((ip) => familyOf(ip) === family && sourceFor(ip, addresses) === undefined),
      ),
    ),
  );
}

/** The family of an address that is known to be one. */
export function familyOf(address: string): Family {
  return address.includes(':') ? 'IPv6' : 'IPv4';
}

function missingAddress(family: Family, parent: Link, cutOff: readonly AttachedPod[]): readonly Problem[] {
  if (cutOff.length === 0) return [];
  const names = cutOff.slice(0, 3).map((pod) => `${pod.namespace}/${pod.name} (${pod.ips.join(', ')})`);
  const more = cutOff.length > names.length ? ` and ${cutOff.length - names.length} more` : '';
  return [
    {
      reason: 'HostAddressMissing',
      message: `${parent.name} has no ${family} address in the subnet of ${names.join(', ')}${more}.`,
      remedy: `Give ${parent.name} an address in that subnet, or set hostAccess to None.`,
    },
  ];
}
