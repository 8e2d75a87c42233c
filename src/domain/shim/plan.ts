// What the host-access shims of a node should look like: one per parent NIC, with everything that the recipe needs.
import { SHIM_PREFIX } from '../../api/names.ts';
import type { Address, Family, Link, Network } from '../net/network.ts';
import { identityMac } from '../parent/fact.ts';
import type { ProvenLink } from '../pod/proven.ts';
import type { Problem } from '../problem.ts';
import { isOwnShim, shimMacFor, shimNameFor } from './name.ts';
import { holds, planPods, podProblems, type ShimPod } from './pods.ts';

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

/** An attachment that wants host access, with its verified parent. */
export interface ShimUser {
  readonly attachment: string;
  readonly parent: Link;
  readonly pods: readonly ProvenLink[];
}

export interface ShimPlans {
  readonly shims: readonly ShimPlan[];
  /** What is wrong, by attachment. */
  readonly problems: ReadonlyMap<string, readonly Problem[]>;
  /** What is wrong with single pods, by attachment. */
  readonly podProblems: ReadonlyMap<string, readonly Problem[]>;
}

/** The shims that the attachments want, by name. No attachment, no shim. */
export function planShims(users: readonly ShimUser[], network: Network, nodeUid: string): ShimPlans {
  const found = new Map<string, ReturnType<typeof podProblems>>();
  const shims: ShimPlan[] = [];
  const taken = new Set<string>();
  const parents = [...new Map(users.map((user) => [user.parent.ifindex, user.parent])).values()];
  for (const parent of parents.sort((a, b) => a.ifindex - b.ifindex)) {
    const name = nameOn(parent, network.links, { nodeUid, taken });
    taken.add(name);
    const own = users.filter((user) => user.parent.ifindex === parent.ifindex);
    const addresses = ownAddresses(parent, network.addresses);
    const pods = planPods(linksOn(parent, users), parent, addresses, network);
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
    for (const user of own)
      found.set(user.attachment, podProblems(linksOn(parent, [user]), parent, addresses, network));
  }
  return {
    shims: shims.sort((a, b) => (a.name < b.name ? -1 : 1)),
    problems: new Map([...found].map(([name, { problems }]) => [name, problems])),
    podProblems: new Map([...found].map(([name, { podProblems: problems }]) => [name, problems])),
  };
}

/** The links that really hang on this NIC. A pod that was attached before its attachment moved stays where it is. */
function linksOn(parent: Link, users: readonly ShimUser[]): readonly ProvenLink[] {
  return users.flatMap((user) => user.pods.filter((link) => (link.lower ?? user.parent.ifindex) === parent.ifindex));
}

/**
 * A shim that is there keeps its name, whatever happened to the NIC's own MAC address meanwhile: with another name comes
 * another MAC address, and the pods would talk to the old one until their ARP caches forget it. NICs that share a MAC
 * address (a VLAN and the NIC below it) get names in the order of their indexes.
 */
function nameOn(parent: Link, links: readonly Link[], ctx: { nodeUid: string; taken: ReadonlySet<string> }): string {
  const there = links
    .filter((link) => link.lower === parent.ifindex && link.name.startsWith(SHIM_PREFIX))
    .filter((link) => isOwnShim(link, ctx.nodeUid))
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
