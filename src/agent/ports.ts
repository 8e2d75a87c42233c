// What the agent needs from outside, as small as it gets: tests put other things behind these.
import type { DhcpSight } from '../domain/dhcp/problems.ts';
import type { ClientName, DhcpAnswer } from '../domain/dhcp/protocol.ts';
import type { Change, Refusal } from '../domain/net/change.ts';
import type { Link, Neighbour, Network } from '../domain/net/network.ts';
import type { ProbeFinding, ProbeWish } from '../domain/parent/mac-filter.ts';
import type { CachedLink } from '../domain/pod/cached-link.ts';
import type { LinkSight } from '../domain/pod/link-state.ts';
import type { RepairPlan } from '../domain/pod/repair.ts';

/** The node's network. */
export interface NetworkPort {
  /** The whole truth, freshly read. Rejects when the kernel does not answer. */
  read(): Promise<Network>;
  /** One link, freshly read; nothing when it is gone. */
  readLink(ifindex: number): Promise<Link | undefined>;
  /** The IPv6 addresses that the node answers for on a link, freshly read. */
  readProxied(ifindex: number): Promise<readonly string[]>;
  /** Makes the changes in order; a change that is refused does not stop the next. Resolves with the refused ones. */
  apply(changes: readonly Change[]): Promise<readonly Refusal[]>;
  /** The netlink port that changes are made from, once it is known. */
  readonly port?: number | undefined;
  close(): Promise<void>;
}

/**
 * Something about the network changed; what, is only a hint. `by`: the netlink port of whoever changed it, where the kernel tells.
 * It does for addresses, routes and neighbours; for links only where the change was asked for with an echo.
 */
export type Hint =
  | { readonly type: 'Lost' }
  | {
      readonly type: 'Link';
      readonly ifindex: number;
      readonly name: string;
      readonly isGone: boolean;
      /** The host end of a pod's veth that is a bridge port: it comes and goes with pods and is never a parent. */
      readonly isPodLink: boolean;
      readonly by?: number;
    }
  | { readonly type: 'Address' | 'Neighbour'; readonly ifindex: number; readonly by?: number }
  | { readonly type: 'Route'; readonly links: readonly number[]; readonly isDefault: boolean; readonly by?: number };

/** Which CNI plugins the node has. */
export interface PluginsPort {
  /** Names of the plugins out of `wanted` that are not there. */
  missing(wanted: readonly string[]): Promise<readonly string[]>;
}

/** What CNI remembers of pods' links on this node. */
export interface CachePort {
  /** Links on these attachments, by `keyOfLink`. */
  read(attachments: ReadonlySet<string>): Promise<ReadonlyMap<string, CachedLink>>;
}

/** Which pods a kubelet has anything to do with, as the node's cgroups tell. */
export interface CgroupsPort {
  /** Uids of the pods; nothing where it cannot be known that these are all of this node's. */
  read(): Promise<ReadonlySet<string> | undefined>;
}

/** What the node's NICs listen for. */
export interface FiltersPort {
  /** MAC addresses, those of all macvlan links that are up. Rejects when the whole truth cannot be had. */
  read(): Promise<ReadonlySet<string>>;
  close(): Promise<void>;
}

/** Asks the LAN, as the node, who has IPv4 addresses. */
export interface LanPort {
  /**
   * The IPv4 neighbours behind a NIC once those who have one of the addresses have answered, which takes a second or two; who has not
   * answered is none of them. Addresses that somebody has written down for good are left alone. Rejects when the kernel does not answer.
   */
  ask(parent: number, addresses: readonly string[], signal: AbortSignal): Promise<readonly Neighbour[]>;
  close(): Promise<void>;
}

/** Asks the LAN under another MAC address. */
export interface ProbePort {
  /** What the answers say; takes a few seconds. Rejects when it could not ask, or was told to stop; nothing is left then. */
  ask(wish: ProbeWish, signal: AbortSignal): Promise<ProbeFinding['verdict']>;
  /** Takes away what a probe that was cut off has left behind on this node; resolves with the names of these links. */
  clean(nodeUid: string): Promise<readonly string[]>;
  close(): Promise<void>;
}

/** The node's DHCP daemon, by way of its supervisor. */
export interface DhcpPort {
  readonly sight: DhcpSight;
  /** Looks at the daemon until the signal aborts. */
  run(signal: AbortSignal, watch: DhcpWatch): Promise<void>;
  /** A daemon may be needed from now on. */
  reconsider(): void;
  /** Lets the daemon forget a lease. Never rejects, as the next one. */
  release(name: ClientName): Promise<DhcpAnswer>;
  /** Lets the daemon get a lease and keep it. */
  allocate(name: ClientName): Promise<DhcpAnswer>;
}

export interface DhcpWatch {
  /** Called when there is something new to see. */
  readonly onChange: () => void;
  /** Whether there should be a daemon on this node. */
  readonly isNeeded: () => boolean;
}

/** Pods' own network namespaces. */
export interface SandboxPort {
  /** What has become of each link, in order. */
  look(links: readonly CachedLink[]): Promise<readonly LinkSight['live'][]>;
  /** Makes a vanished link again. Rejects when that was not possible; then everything is as before. */
  repair(plan: RepairPlan): Promise<void>;
  close(): Promise<void>;
}
