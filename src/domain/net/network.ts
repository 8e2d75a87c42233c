// The facts about a node's network that decisions are made from: plain values, as the kernel tells them.

export type Family = 'IPv4' | 'IPv6';

/** A network device in the node's own namespace. */
export interface Link {
  readonly ifindex: number;
  readonly name: string;
  readonly altNames: readonly string[];
  /** Current hardware address, lower case with colons; empty when the device has none. */
  readonly mac: string;
  /** What the hardware was made with; physical NICs have one, virtual devices do not. */
  readonly permanentMac?: string;
  readonly type: 'Ethernet' | 'Loopback' | 'Other';
  /** Switched on (IFF_UP). */
  readonly isUp: boolean;
  /** Has a link partner; a device that is down has none. */
  readonly hasCarrier: boolean;
  /** Does not do ARP (IFF_NOARP), so it is no LAN. */
  readonly isNoArp: boolean;
  /** In bytes. */
  readonly mtu: number;
  /** macvlan, veth, bridge, bond, vlan, …; physical NICs have none. */
  readonly kind?: string;
  /** The device below (IFLA_LINK): a macvlan's parent, a veth's peer. */
  readonly lower?: number;
  /** The device below is in another network namespace. */
  readonly isLowerElsewhere: boolean;
  /** The bridge, bond or team that this device is a port of. */
  readonly master?: number;
  /** The kind of port that this device is: bridge, bond, team, … */
  readonly portKind?: string;
  readonly macvlanMode?: string;
  /** What `ip link` shows as its alias (IFLA_IFALIAS): a note that whoever made it may have left. */
  readonly note?: string;
  /** Kernel driver of a physical NIC, such as igc; virtual devices have a kind instead. */
  readonly driver?: string;
  /** A wireless NIC. Missing where it is none, and of virtual devices. */
  readonly isWireless?: true;
  /** How a bond shares its frames out among its ports, such as active-backup. */
  readonly bondMode?: string;
  /** Where a physical NIC sits on the PCI bus, such as 0000:03:00.0. */
  readonly pciAddress?: string;
  /** How IPv6 link-local addresses are made; missing when IPv6 is off in the kernel. */
  readonly addressGeneration?: 'None' | 'Other';
  /** The IPv4 setting arp_filter; missing when the kernel did not tell. */
  readonly arpFilter?: boolean;
  /** The IPv6 settings proxy_ndp and forwarding of this link; missing when IPv6 is off in the kernel. */
  readonly isNdpProxy?: boolean;
  readonly isIPv6Forwarding?: boolean;
  /**
   * What leaves the link is filtered: only frames to these MAC addresses do. `Open`: no filter (of ours). Known of shims that
   * answer for the node; missing where the kernel has no such filters.
   */
  readonly egress?: readonly string[] | 'Open';
  /** It takes default routes from routers that advertise themselves (accept_ra); missing when IPv6 is off in the kernel. */
  readonly acceptsRouters?: boolean;
}

/** An address of a link. */
export interface Address {
  readonly ifindex: number;
  readonly family: Family;
  /** Without prefix length. */
  readonly address: string;
  readonly prefixLength: number;
  /** Global, i.e. good for talking to others. */
  readonly isGlobal: boolean;
  /** IPv4: another address of the same subnet came first. IPv6: a temporary one (privacy extensions). */
  readonly isSecondary: boolean;
  /** IPv6: not usable, since it is not known yet whether another host has it, or since one has. */
  readonly isTentative?: boolean;
  /** The kernel makes no route for the prefix. */
  readonly isNoPrefixRoute: boolean;
}

/** A route of the main table. */
export interface Route {
  readonly family: Family;
  /** Empty for a default route. */
  readonly destination: string;
  readonly prefixLength: number;
  /** The links that it leaves through; several for a multipath route, none for one that refuses. */
  readonly links: readonly number[];
  readonly hasGateway: boolean;
  /** The routers that it goes by, of each of its links. */
  readonly gateways?: readonly string[];
  /** The source address that it prefers. */
  readonly source?: string;
  /** Lower wins. */
  readonly metric: number;
  /** Directly on the link (scope link). */
  readonly isLinkScope: boolean;
  /** An ordinary route (unicast), not one that blackholes or refuses. */
  readonly isUnicast: boolean;
}

/** What the kernel knows about the owner of an address on a link. */
export interface Neighbour {
  readonly ifindex: number;
  readonly family: Family;
  readonly address: string;
  readonly mac: string;
  readonly isPermanent: boolean;
  /** No neighbour at all: an address that the node answers for on this link (proxy). It has no MAC address. */
  readonly isProxy?: boolean;
  /** IPv6: it says of itself that it is a router. */
  readonly isRouter?: boolean;
}

/** One look at the node's network. Neighbours are those of shims and of the NICs below them only. */
export interface Network {
  readonly links: readonly Link[];
  readonly addresses: readonly Address[];
  readonly routes: readonly Route[];
  readonly neighbours: readonly Neighbour[];
}

export function findByIndex(links: readonly Link[], ifindex: number): Link | undefined {
  return links.find((link) => link.ifindex === ifindex);
}
