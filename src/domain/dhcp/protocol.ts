// What agent and DHCP supervisor of a node say to each other, one JSON object per line over a socket of the node. The two are
// upgraded at different times: fields are only ever added.
import type { Lease } from './lease-book.ts';

/** Name of the socket in the folder that both see. */
export const CONTROL_SOCKET = 'dhcp-control.sock';

export type DhcpRequest =
  /** Answered with a {@link DhcpReport} now, and with another at each change. */
  | { readonly verb: 'Watch' }
  /** Release: the daemon forgets the lease. Allocate: it gets one, and keeps it. Answered once. */
  | ({ readonly verb: 'Release' | 'Allocate' } & ClientName);

export interface ClientName {
  readonly container: string;
  readonly network: string;
  readonly interface: string;
}

/** All that is known, each time. */
export interface DhcpReport {
  /** Milliseconds since 1970 when the daemon was started. */
  readonly since: number;
  /** How many links of this node have their address through this daemon, or are getting it: as long as there is one, it has to stay. */
  readonly links: number;
  /** Sorted. */
  readonly leases: readonly ReportedLease[];
}

export interface ReportedLease extends Lease {
  /** `Silent`: nobody has answered for ten seconds. */
  readonly server: 'Silent' | 'Answers';
  /** The server gave another address, with prefix length, than the one that the running pod has. */
  readonly otherAddress?: string;
}

/** `result`: what the plugin answered, by the CNI specification; missing after Release. */
export type DhcpAnswer =
  | { readonly ok: 'Yes'; readonly result?: Readonly<Record<string, unknown>> }
  | { readonly ok: 'No'; readonly because: string };
