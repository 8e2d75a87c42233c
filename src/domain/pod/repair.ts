// Making a vanished link again, in place: what has to be done for it, and for which pods that is refused.
import { DHCP_SOCKET } from '../../api/names.ts';
import type { ClientName } from '../dhcp/protocol.ts';
import type { Problem } from '../problem.ts';
import { type CachedAddress, type CachedLink, type CachedRoute, isForeignLink } from './cached-link.ts';

/** Everything that the link has to be. */
export interface RepairPlan {
  /** Path of the pod's network namespace on the node. */
  readonly netns: string;
  readonly name: string;
  readonly mac: string;
  readonly mode: string;
  /** In bytes; nothing for the parent's. */
  readonly mtu?: number;
  /** Index of the verified NIC on the node. */
  readonly parent: number;
  readonly addresses: readonly CachedAddress[];
  /** In the order in which they have to be made. */
  readonly routes: readonly CachedRoute[];
  /** Addresses and routes are the DHCP server's to give: by this name the daemon knows whose they are. */
  readonly lease?: ClientName;
}

/** The plan, or why there is none. */
export function planRepair(link: CachedLink, parent: number): RepairPlan | Problem {
  const refusal = refusalFor(link);
  if (refusal !== undefined) return refusal;
  const { netns, mac, addresses, settings } = link;
  const lease = leaseOf(link);
  return {
    netns,
    name: link.interface,
    mac,
    mode: settings.mode,
    ...(settings.mtu === undefined ? {} : { mtu: settings.mtu }),
    parent,
    ...(lease === undefined ? { addresses, routes: inOrder(link.routes) } : { addresses: [], routes: [], lease }),
  };
}

/** A router can only be named once the way to it is there. */
export function inOrder(routes: readonly CachedRoute[]): readonly CachedRoute[] {
  return routes.toSorted((a, b) => Number(a.gateway !== undefined) - Number(b.gateway !== undefined));
}

function leaseOf({ container, attachment, interface: link, settings }: CachedLink): ClientName | undefined {
  if (settings.ipam !== 'dhcp' || container === undefined) return undefined;
  return { container, network: attachment, interface: link };
}

export function isRefusal(plan: RepairPlan | Problem): plan is Problem {
  return 'reason' in plan;
}

/** Links of which the cache does not tell everything, or that others than the kernel look after. */
function refusalFor(cached: CachedLink): Problem | undefined {
  const { settings, mac, ...link } = cached;
  if (isForeignLink(cached))
    return repairRefused(link.interface, "it was made by somebody else's NetworkAttachmentDefinition of that name");
  if (settings.chained.length > 0)
    return repairRefused(
      link.interface,
      `plugins ran on it after macvlan (${settings.chained.join(', ')}), and what they did is not known`,
    );
  if (settings.ipam === 'dhcp' && settings.daemonSocket !== DHCP_SOCKET)
    return repairRefused(
      link.interface,
      "its address comes by DHCP from a daemon that is not the operator's, and gives a lease up with the link that it was for",
    );
  if (settings.ipam === 'dhcp' && link.container === undefined)
    return repairRefused(link.interface, 'the CNI result cache of the node does not tell by which name its lease goes');
  if (mac === '')
    return repairRefused(link.interface, 'the CNI result cache of the node does not tell its MAC address');
  return undefined;
}

/** A link that is not, or could not be, made again. */
export function repairRefused(link: string, because: string): Problem {
  return {
    reason: 'RepairRefused',
    message: `The link ${link} is not made again in place: ${because}.`,
    remedy: 'Delete the pod, so that a new one is attached; with repair type Recreate that happens by itself.',
  };
}
