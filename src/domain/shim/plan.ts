// What the host-access shims of a node should look like: one per parent NIC, with everything that the recipe needs.
import { SHIM_PREFIX } from '../../api/names.ts';
import { holdsIPv4, parseIPv4 } from '../net/cidr.ts';
import type { Address, Link, Network } from '../net/network.ts';
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
  /** The node's own addresses on the parent; each is to be on the shim too, as /32 that makes no route. */
  readonly addresses: readonly string[];
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
    shims.push({
      name,
      mac: shimMacFor(nodeUid, name),
      parent: parent.ifindex,
      mtu: parent.mtu,
      addresses: addresses.map((address) => address.address).sort(),
      pods: planPods(own, addresses),
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
 * The addresses by which the LAN knows the node: IPv4, with a subnet. A /32 is an address that wanders between nodes
 * (virtual IPs of load balancers); secondary ones are second names within the same subnet.
 */
function ownAddresses(parent: Link, addresses: readonly Address[]): readonly Address[] {
  return addresses.filter(
    (a) => a.ifindex === parent.ifindex && a.family === 'IPv4' && a.isGlobal && a.prefixLength < 32 && !a.isSecondary,
  );
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

/** The pod's addresses that a shim can lead to: IPv4, and only with a known MAC address. */
function reachable(pod: AttachedPod): readonly string[] {
  return pod.mac === '' ? [] : pod.ips.filter((ip) => parseIPv4(ip) !== undefined);
}

function sourceFor(pod: string, addresses: readonly Address[]): string | undefined {
  return addresses.find((own) => holdsIPv4(own.address, own.prefixLength, pod))?.address;
}

function problemsOf(user: ShimUser, parent: Link, addresses: readonly Address[]): readonly Problem[] {
  const cutOff = user.pods.filter((pod) => reachable(pod).some((ip) => sourceFor(ip, addresses) === undefined));
  if (cutOff.length === 0) return [];
  const names = cutOff.slice(0, 3).map((pod) => `${pod.namespace}/${pod.name} (${pod.ips.join(', ')})`);
  const more = cutOff.length > names.length ? ` and ${cutOff.length - names.length} more` : '';
  return [
    {
      reason: 'HostAddressMissing',
      message: `${parent.name} has no IPv4 address in the subnet of ${names.join(', ')}${more}.`,
      remedy: `Give ${parent.name} an address in that subnet, or set hostAccess to None.`,
    },
  ];
}
