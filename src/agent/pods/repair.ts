// Makes a vanished link again in a running pod's namespace: on the node and put in there, then finished from inside.
import { join } from 'node:path';
import type { RepairPlan } from '../../domain/pod/repair.ts';
import type { Addon } from '../netlink/addon.ts';
import {
  encodeAnnounce,
  encodeLinkDelete,
  encodeLinkInto,
  encodePodAddress,
  encodePodRoute,
  encodeTakePlace,
} from '../netlink/pod-link.ts';
import { decodeRemoteLink, encodeNamedLinkGet, type RemoteLink } from '../netlink/remote.ts';
import { type Acknowledgement, NetlinkError, RequestSocket } from '../netlink/socket.ts';

/** On each link that was made again; `ip link` shows it as the link's alias. It outlives the agent, as the link does. */
export const REPAIR_NOTE = 'repaired by macvlan.dev';
/** On a link that waits for its address: whoever finds it takes it for none. */
export const UNFINISHED_NOTE = 'being repaired by macvlan.dev';
/** The link's name until everything that can fail beforehand is done. */
const DRAFT = 'mvr-draft';

export interface Sockets {
  readonly addon: Addon;
  /** A socket in the node's own namespace. */
  readonly node: RequestSocket;
  /** Where /proc/sys/net is seen from here, writable. */
  readonly settings: string;
}

/** Rejects when the kernel refuses anything; then nothing is left behind. */
export async function repairIn(namespace: number, plan: RepairPlan, sockets: Sockets): Promise<void> {
  const { addon, node } = sockets;
  await within(namespace, addon, async (inside) => {
    await removeLeftOvers(inside, plan.name);
    need(await node.send([encodeLinkInto(namespace, DRAFT, plan)]));
    const ifindex = await indexOf(inside, DRAFT);
    if (ifindex === undefined) throw new Error('the new link went away at once');
    announceIPv6(namespace, sockets);
    try {
      await finish(inside, ifindex, plan);
    } catch (error) {
      await inside.send([encodeLinkDelete(ifindex)]);
      throw error;
    }
  });
}

/**
 * Lets the link announce its IPv6 addresses, each when the search for duplicates is over. Where that cannot be set, as without IPv6,
 * the search itself shows switches where the link is, and its neighbours know its MAC address.
 */
function announceIPv6(namespace: number, { addon, settings }: Sockets): void {
  try {
    addon.announceIn(namespace, join(settings, 'ipv6/conf', DRAFT, 'ndisc_notify'));
  } catch {
    // See above.
  }
}

/** Puts the addresses that came later on a link that waits for them, and says that it is whole. */
export async function completeIn(
  namespace: number,
  name: string,
  { addresses, routes }: Pick<RepairPlan, 'addresses' | 'routes'>,
  addon: Addon,
): Promise<void> {
  await within(namespace, addon, async (inside) => {
    const ifindex = await indexOf(inside, name);
    if (ifindex === undefined) throw new Error('the new link went away while it waited for an address');
    need(await inside.send(addresses.map((address) => encodePodAddress(ifindex, address))));
    const answers = await inside.send(routes.map((route) => encodePodRoute(ifindex, route)));
    need(answers.filter((answer) => answer?.code !== 'EEXIST'));
    need(await inside.send([encodeTakePlace(ifindex, name, REPAIR_NOTE)]));
  });
}

/** Takes away what was not finished. */
export async function undoIn(namespace: number, name: string, addon: Addon): Promise<void> {
  await within(namespace, addon, (inside) => removeLeftOvers(inside, name));
}

async function within(namespace: number, addon: Addon, act: (inside: RequestSocket) => Promise<void>): Promise<void> {
  const inside = new RequestSocket(addon, namespace);
  try {
    await act(inside);
  } finally {
    // The socket keeps the namespace alive as a descriptor on it would.
    await inside.close();
  }
}

/** Of an agent that was killed over it, or of an attempt that failed. */
async function removeLeftOvers(inside: RequestSocket, name: string): Promise<void> {
  const draft = await linkNamed(inside, DRAFT);
  const waiting = await linkNamed(inside, name);
  const leftOver = [draft, waiting?.note === UNFINISHED_NOTE ? waiting : undefined].filter(
    (link) => link !== undefined,
  );
  if (leftOver.length > 0) await inside.send(leftOver.map(({ ifindex }) => encodeLinkDelete(ifindex)));
}

/** One write: whoever looks sees no link of that name, or one with everything. */
async function finish(inside: RequestSocket, ifindex: number, plan: RepairPlan): Promise<void> {
  const isIPv6 = ({ address }: { readonly address: string }) => address.includes(':');
  const needed = [
    encodeAnnounce(ifindex),
    // IPv4 addresses are announced when the link goes up; IPv6 ones only take up their routes on a link that is up.
    ...plan.addresses.filter((address) => !isIPv6(address)).map((address) => encodePodAddress(ifindex, address)),
    encodeTakePlace(ifindex, plan.name, plan.lease === undefined ? REPAIR_NOTE : UNFINISHED_NOTE),
    ...plan.addresses.filter(isIPv6).map((address) => encodePodAddress(ifindex, address)),
  ];
  const answers = await inside.send([...needed, ...plan.routes.map((route) => encodePodRoute(ifindex, route))]);
  need(answers.slice(0, needed.length));
  // The plugins, too, leave a route alone that is there already.
  need(answers.slice(needed.length).filter((answer) => answer?.code !== 'EEXIST'));
}

async function indexOf(inside: RequestSocket, name: string): Promise<number | undefined> {
  return (await linkNamed(inside, name))?.ifindex;
}

async function linkNamed(inside: RequestSocket, name: string): Promise<RemoteLink | undefined> {
  const [link] = await inside.ask([encodeNamedLinkGet(name)], decodeRemoteLink);
  return link === undefined || link instanceof NetlinkError ? undefined : link;
}

function need(answers: readonly Acknowledgement[]): void {
  const error = answers.find((answer) => answer !== undefined);
  if (error !== undefined) throw error;
}
