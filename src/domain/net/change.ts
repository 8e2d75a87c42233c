// Every change that the agent can make to the node's network: what a diff yields and what netlink carries out, in order.

export type Change =
  | { readonly type: 'AddAltName'; readonly ifindex: number; readonly name: string }
  | { readonly type: 'RemoveAltName'; readonly ifindex: number; readonly name: string }
  | {
      readonly type: 'CreateMacvlan';
      readonly name: string;
      readonly parent: number;
      readonly mac: string;
      readonly mtu: number;
    }
  | { readonly type: 'DeleteLink'; readonly ifindex: number; readonly name: string }
  | LinkChange
  | AddressChange
  | RouteChange
  | NeighbourChange
  | ProxyChange
  | EgressChange
  | LinkSettingChange;

/** Settings of a link; what is not given stays. */
export interface LinkChange {
  readonly type: 'SetLink';
  readonly ifindex: number;
  readonly name: string;
  readonly mac?: string;
  readonly mtu?: number;
  readonly up?: boolean;
  /** Make no IPv6 link-local address. */
  readonly addressGeneration?: 'None';
  readonly arpFilter?: true;
  /** See the note of a link. */
  readonly note?: string;
}

export interface AddressChange {
  readonly type: 'AddAddress' | 'RemoveAddress';
  readonly ifindex: number;
  readonly address: string;
  readonly prefixLength: number;
}

/** A host route in the main table. `ReplaceRoute` also takes the place of a route with the same destination and metric. */
export interface RouteChange {
  readonly type: 'AddRoute' | 'ReplaceRoute' | 'RemoveRoute';
  readonly ifindex: number;
  readonly destination: string;
  readonly prefixLength: number;
  readonly source?: string;
  readonly metric: number;
}

export interface NeighbourChange {
  readonly type: 'SetNeighbour' | 'RemoveNeighbour';
  readonly ifindex: number;
  readonly address: string;
  readonly mac: string;
}

/** Whether the node answers on this link for an IPv6 address that it has elsewhere. */
export interface ProxyChange {
  readonly type: 'AddProxy' | 'RemoveProxy';
  readonly ifindex: number;
  readonly address: string;
}

/** What leaves the link: frames to these MAC addresses only. */
export interface EgressChange {
  readonly type: 'FilterEgress';
  readonly ifindex: number;
  readonly macs: readonly string[];
}

/**
 * IPv6 settings of one link. IgnoreRouters: accept_ra off. StartNdpProxy: proxy_ndp and forwarding on, without which the kernel
 * answers for no address.
 */
export interface LinkSettingChange {
  readonly type: 'IgnoreRouters' | 'StartNdpProxy' | 'StopNdpProxy';
  readonly ifindex: number;
  readonly name: string;
}

/** A change that the kernel refused. */
export interface Refusal {
  readonly change: Change;
  /** Such as EEXIST. */
  readonly code: string;
  /** The kernel's own words, or the code's. */
  readonly message: string;
}

/** The change in a few words, for logs and problems. */
export function describeChange(change: Change): string {
  switch (change.type) {
    case 'AddAltName':
      return `giving link ${change.ifindex} the alternative name ${change.name}`;
    case 'RemoveAltName':
      return `removing the alternative name ${change.name} from link ${change.ifindex}`;
    case 'CreateMacvlan':
      return `creating the macvlan link ${change.name} on link ${change.parent}`;
    case 'DeleteLink':
      return `deleting the link ${change.name}`;
    case 'SetLink':
      return `setting ${describeSettings(change)} of the link ${change.name}`;
    case 'AddAddress':
      return `adding the address ${change.address}/${change.prefixLength} to link ${change.ifindex}`;
    case 'RemoveAddress':
      return `removing the address ${change.address}/${change.prefixLength} from link ${change.ifindex}`;
    case 'AddRoute':
    case 'ReplaceRoute':
      return `adding the route to ${change.destination}/${change.prefixLength} over link ${change.ifindex}`;
    case 'RemoveRoute':
      return `removing the route to ${change.destination}/${change.prefixLength} over link ${change.ifindex}`;
    case 'SetNeighbour':
      return `setting the neighbour ${change.address} on link ${change.ifindex}`;
    case 'AddProxy':
    case 'RemoveProxy':
      return `${change.type === 'AddProxy' ? 'answering' : 'ceasing to answer'} for ${change.address} on link ${change.ifindex}`;
    case 'FilterEgress':
      return `letting link ${change.ifindex} send to its ${change.macs.length} pods only`;
    case 'IgnoreRouters':
      return `switching accept_ra of the link ${change.name} off`;
    case 'StartNdpProxy':
    case 'StopNdpProxy':
      return `switching proxy_ndp and forwarding of the link ${change.name} ${change.type === 'StartNdpProxy' ? 'on' : 'off'}`;
    default:
      return `removing the neighbour ${change.address} from link ${change.ifindex}`;
  }
}

function describeSettings({ mac, mtu, up, addressGeneration, arpFilter, note }: LinkChange): string {
  const settings = { mac, mtu, up, addrgenmode: addressGeneration, arp_filter: arpFilter, note };
  return Object.entries(settings)
    .filter(([, value]) => value !== undefined)
    .map(([name]) => name)
    .join(', ');
}
