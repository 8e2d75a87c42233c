// What is wrong with the leases of a node's pods, by the word of the supervisor beside the DHCP daemon.
import type { MacvlanAttachment } from '../../api/v1alpha1/attachment.ts';
import { wantsDhcpDaemon } from '../attachment/dhcp-daemonset.ts';
import type { LinkSights } from '../pod/link-state.ts';
import type { Problem } from '../problem.ts';
import { clientOf } from './lease-book.ts';
import type { DhcpReport, ReportedLease } from './protocol.ts';

/** What the agent sees of the node's DHCP daemon. Starting: it is not there yet, or again. */
export interface DhcpSight {
  readonly daemon: 'There' | 'Starting' | 'Missing';
  /** The last word; of a daemon that is away, without its leases. */
  readonly report?: DhcpReport;
}

/** So many pods are named; the others are counted. */
const NAMED = 3;

/** Whether pods of the attachment could not attach now, for want of a daemon. */
export function lacksDaemon(attachment: MacvlanAttachment, sight: DhcpSight | undefined): boolean {
  return sight !== undefined && sight.daemon !== 'There' && wantsDhcpDaemon(attachment);
}

/** Nothing while it may just be on its way. */
export function daemonProblem(attachment: MacvlanAttachment, sight: DhcpSight | undefined): Problem | undefined {
  if (!lacksDaemon(attachment, sight) || sight?.daemon !== 'Missing') return undefined;
  return {
    reason: 'DhcpDaemonMissing',
    message:
      'The DHCP daemon of the node is not there: no pod with an address by DHCP can start or end here, and no lease is renewed.',
    remedy:
      "See why the node's pod of the DaemonSet macvlan-dhcp does not run; with a daemon of your own, say ipam.dhcp.daemon.type External.",
  };
}

/** What is wrong with single leases on an attachment. The same situation gives the same text. */
export function leaseProblems(name: string, sight: DhcpSight | undefined, sights: LinkSights): readonly Problem[] {
  const leases = (sight?.report?.leases ?? []).filter((lease) => lease.network === name);
  const pods = podsByClient(sights);
  const named = (some: readonly ReportedLease[]) => namesOf(some, pods);
  const silent = leases.filter(({ server }) => server === 'Silent');
  const expired = leases.filter(({ phase }) => phase === 'Expired');
  const shown = addressesByClient(sights);
  const moved = leases.filter(({ phase, otherAddress }) => phase !== 'Expired' && otherAddress !== undefined);
  const hasIt = (lease: ReportedLease) => isOn(lease.otherAddress, shown.get(clientOf(lease)));
  const { given = [], taken = [] } = Object.groupBy(moved, (lease) => (hasIt(lease) ? 'taken' : 'given'));
  return [
    ...(silent.length === 0 ? [] : [noAnswer(named(silent))]),
    ...(expired.length === 0 ? [] : [expiredProblem(named(expired))]),
    ...(given.length === 0 ? [] : [movedProblem(named(given), given[0]?.otherAddress ?? '')]),
    ...(taken.length === 0 ? [] : [renumberedProblem(named(taken), taken[0]?.otherAddress ?? '')]),
  ];
}

function noAnswer(pods: string): Problem {
  return {
    reason: 'DhcpNoAnswer',
    message: `No DHCP server has answered within 10 seconds: ${pods}.`,
    remedy:
      "See whether a DHCP server is on the NIC's VLAN and its pool has free addresses, and whether the switch or hypervisor drops " +
      'what comes from MAC addresses that it does not know (DHCP snooping, port security, MAC filter).',
  };
}

function expiredProblem(pods: string): Problem {
  return {
    reason: 'DhcpLeaseLost',
    message: `The lease expired before a DHCP server renewed it, and the link is off until one answers: ${pods}.`,
    remedy:
      'Bring the DHCP server back: it is asked again about once a minute, and with its answer the links are whole again. Where none is to come, delete the pods.',
  };
}

function movedProblem(pods: string, address: string): Problem {
  return {
    reason: 'DhcpLeaseLost',
    message: `The DHCP server now gives another address (${address}) than the one in use: ${pods}.`,
    remedy:
      'Delete the pods, so that their successors use the addresses that are theirs; reserve them at the server by MAC.',
  };
}

function renumberedProblem(pods: string, address: string): Problem {
  return {
    reason: 'DhcpLeaseLost',
    message: `The DHCP server has given another address (${address}) than the one of the start, which the link has now: ${pods}.`,
    remedy:
      'Reserve the address of the start at the server by MAC, and delete the pods, so that their successors have it again. What was written down at the start, as in network-status, does not change.',
  };
}

/** CNI's cache keeps the first address: a link that was made whole again has the server's new one all the same. */
function isOn(given: string | undefined, shown: readonly string[] | undefined): boolean {
  return given !== undefined && shown?.includes(given.split('/')[0] ?? '') === true;
}

function addressesByClient(sights: LinkSights): ReadonlyMap<string, readonly string[]> {
  const addresses = new Map<string, readonly string[]>();
  for (const { cached, live } of sights.values()) {
    if (cached.container === undefined || typeof live === 'string') continue;
    const { container, attachment: network, interface: link } = cached;
    const found = live.addresses?.map(({ address }) => address) ?? [];
    addresses.set(clientOf({ container, network, interface: link }), found);
  }
  return addresses;
}

function podsByClient(sights: LinkSights): ReadonlyMap<string, string> {
  const pods = new Map<string, string>();
  for (const { cached } of sights.values()) {
    if (cached.container === undefined) continue;
    const client = clientOf({ container: cached.container, network: cached.attachment, interface: cached.interface });
    pods.set(client, `${cached.namespace}/${cached.name}`);
  }
  return pods;
}

/** CNI tells of a pod only once it has an address. */
function namesOf(leases: readonly ReportedLease[], pods: ReadonlyMap<string, string>): string {
  const known = leases.flatMap((lease) => pods.get(clientOf(lease)) ?? []);
  const names = [...new Set(known)].toSorted();
  const starting = leases.length > known.length ? ['a pod that is being started'] : [];
  const more = names.length > NAMED ? [`${names.length - NAMED} more`] : [];
  return [...names.slice(0, NAMED), ...more, ...starting].join(', ');
}
