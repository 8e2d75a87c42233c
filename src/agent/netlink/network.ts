// The node's network over netlink: dumps give the facts, batches make the changes.
import { SHIM_PREFIX } from '../../api/names.ts';
import type { Change, EgressChange, LinkSettingChange, Refusal } from '../../domain/net/change.ts';
import type { Address, Family, Link, Neighbour, Network, Route } from '../../domain/net/network.ts';
import type { NetworkPort } from '../ports.ts';
import type { Addon } from './addon.ts';
import { RTM_NEWADDR, RTM_NEWLINK, RTM_NEWNEIGH, RTM_NEWROUTE, RTM_NEWTFILTER } from './constants.ts';
import { decodeAddress, decodeLink, decodeNeighbour, decodeRoute } from './decode.ts';
import { decodeFilter, encodeFilter, encodeFilterDump, encodeFilterPlace } from './egress-filter.ts';
import {
  encodeAddressDump,
  encodeChange,
  encodeLinkDump,
  encodeLinkGet,
  encodeNeighbourDump,
  encodeProxyDump,
  encodeRouteDump,
  type NetlinkChange,
} from './encode.ts';
import { HardwareFacts } from './hardware.ts';
import { LinkSettings } from './link-settings.ts';
import type { Message } from './message.ts';
import {
  decodeRouterRoute,
  encodeSubstitute,
  encodeSubstituteRemoval,
  lostRoutes,
  type RouterRoute,
} from './router-routes.ts';
import { NetlinkError, RequestSocket } from './socket.ts';

/** A dump that was disturbed is made again, this often at most: on a busy node one is disturbed now and then. */
const ATTEMPTS = 4;
/** EOPNOTSUPP, which has the same number on Linux, by the name that Node has for it. */
const NOT_SUPPORTED = 'ENOTSUP';
/** What a dump answers when there is nothing: a table that was never used, a link or family that is not there. */
const NOTHING = new Set(['ENOENT', 'ENODEV', 'EAFNOSUPPORT', NOT_SUPPORTED]);
/** What a kernel without classifiers of that kind, or without any, answers. */
const NO_FILTERS = new Set(['ENOENT', NOT_SUPPORTED]);
/** What the kernel answers when a change is already made: somebody, or an earlier attempt, was faster. */
const ALREADY: Readonly<Partial<Record<Change['type'], readonly string[]>>> = {
  RemoveAltName: ['ENOENT', 'ENODEV'],
  DeleteLink: ['ENODEV'],
  RemoveAddress: ['EADDRNOTAVAIL', 'ENODEV'],
  RemoveRoute: ['ESRCH', 'ENODEV'],
  RemoveNeighbour: ['ENOENT', 'ENODEV'],
  RemoveProxy: ['ENOENT', 'ENODEV'],
  StopNdpProxy: ['ENOENT'],
  AddAddress: ['EEXIST'],
};

/** The real network of the namespace that the process runs in. */
export class NetlinkNetwork implements NetworkPort {
  readonly #socket: RequestSocket;
  readonly #hardware: HardwareFacts;
  readonly #settings: LinkSettings;
  #canFilter = true;

  /** Throws when the kernel refuses a socket. */
  constructor(addon: Addon, { hardware = new HardwareFacts(), settings = new LinkSettings() } = {}) {
    this.#socket = new RequestSocket(addon);
    this.#hardware = hardware;
    this.#settings = settings;
  }

  get port(): number | undefined {
    return this.#socket.port;
  }

  async read(): Promise<Network> {
    const found = await this.#hardware.addTo(await this.#collect<Link>(encodeLinkDump, RTM_NEWLINK, decodeLink));
    const links = await Promise.all(found.map((link) => this.#withEgress(link)));
    const addresses = await this.#collect<Address>(encodeAddressDump, RTM_NEWADDR, decodeAddress);
    const routes = [...(await this.#readRoutes('IPv4')), ...(await this.#readRoutes('IPv6'))];
    const neighbours: Neighbour[] = [];
    const shims = links.filter((link) => link.name.startsWith(SHIM_PREFIX));
    for (const { ifindex, isNdpProxy } of shims) {
      for (const request of isNdpProxy ? [encodeNeighbourDump, encodeProxyDump] : [encodeNeighbourDump]) {
        neighbours.push(...(await this.#readNeighbours(request, ifindex)));
      }
    }
    for (const parent of new Set(shims.flatMap(({ lower }) => lower ?? []))) {
      neighbours.push(...(await this.#readNeighbours(encodeNeighbourDump, parent)).filter(isHost));
    }
    return { links, addresses, routes, neighbours };
  }

  async readLink(ifindex: number): Promise<Link | undefined> {
    const links: Link[] = [];
    const filters: (readonly string[])[] = [];
    // A shim is asked for every second: in one write.
    const begin = () => {
      links.length = filters.length = 0;
      return [encodeLinkGet(ifindex), ...(this.#canFilter ? [encodeFilterDump(ifindex)] : [])];
    };
    await this.#gather(begin, ({ type, body }) => {
      if (type === RTM_NEWLINK) links.push(...some(decodeLink(body)));
      else if (type === RTM_NEWTFILTER) filters.push(...some(decodeFilter(body)));
    });
    const [link] = links;
    return link === undefined || !this.#hasEgress(link) ? link : { ...link, egress: filters[0] ?? 'Open' };
  }

  async readProxied(ifindex: number): Promise<readonly string[]> {
    return (await this.#readNeighbours(encodeProxyDump, ifindex)).map(({ address }) => address);
  }

  async apply(changes: readonly Change[]): Promise<readonly Refusal[]> {
    const refusals: Refusal[] = [];
    let batch: NetlinkChange[] = [];
    for (const change of changes) {
      if (isMessage(change)) {
        batch.push(change);
        continue;
      }
      refusals.push(...(await this.#send(batch)));
      const answer = change.type === 'FilterEgress' ? this.#filterEgress(change) : this.#set(change);
      refusals.push(...refusalOf(change, await answer));
      batch = [];
    }
    return [...refusals, ...(await this.#send(batch))];
  }

  /** What a shim may send to. Other links are none of our business. */
  async #withEgress(link: Link): Promise<Link> {
    if (!this.#hasEgress(link)) return link;
    const [egress] = await this.#collect(() => encodeFilterDump(link.ifindex), RTM_NEWTFILTER, decodeFilter);
    return { ...link, egress: egress ?? 'Open' };
  }

  #hasEgress({ name }: Link): boolean {
    return this.#canFilter && name.startsWith(SHIM_PREFIX);
  }

  async #filterEgress({ ifindex, macs }: EgressChange): Promise<{ code: string; message: string } | undefined> {
    const [place, filter] = await this.#socket.send([encodeFilterPlace(ifindex), encodeFilter(ifindex, macs)]);
    const error = place === undefined || place.code === 'EEXIST' ? filter : place;
    if (error === undefined || !NO_FILTERS.has(error.code)) return error;
    this.#canFilter = false;
    return undefined;
  }

  async #send(changes: readonly NetlinkChange[]): Promise<readonly Refusal[]> {
    if (changes.length === 0) return [];
    const answers = await this.#socket.send(changes.map(encodeChange));
    return changes.flatMap((change, i) => refusalOf(change, answers[i]));
  }

  /** proxy_ndp is the mark by which a half-made switch is known: on first, off last. */
  async #set({ type, name }: LinkSettingChange): Promise<NodeJS.ErrnoException | undefined> {
    try {
      if (type === 'IgnoreRouters') {
        await this.#settings.writeIPv6(name, 'accept_ra', 0);
      } else if (type === 'StartNdpProxy') {
        await this.#settings.writeIPv6(name, 'proxy_ndp', 1);
        await this.#keepingRouterRoutes(() => this.#settings.writeIPv6(name, 'forwarding', 1));
      } else {
        await this.#settings.writeIPv6(name, 'forwarding', 0);
        await this.#settings.writeIPv6(name, 'proxy_ndp', 0);
      }
      return undefined;
    } catch (error) {
      return error as NodeJS.ErrnoException;
    }
  }

  async #keepingRouterRoutes(work: () => Promise<void>): Promise<void> {
    const before = await this.#readRouterRoutes();
    // First, since an agent that dies in between must not leave the node without a way out; behind the router's own until then.
    await this.#socket.send(before.map(encodeSubstitute));
    await work();
    if (before.length === 0) return;
    const lost = lostRoutes(before, await this.#readRouterRoutes());
    const needless = before.filter((route) => !lost.includes(route));
    await this.#socket.send(needless.map(encodeSubstituteRemoval));
  }

  #readRouterRoutes(): Promise<RouterRoute[]> {
    return this.#collect(() => encodeRouteDump('IPv6'), RTM_NEWROUTE, decodeRouterRoute);
  }

  close(): Promise<void> {
    return this.#socket.close();
  }

  async #readNeighbours(request: (ifindex: number) => Buffer, ifindex: number): Promise<readonly Neighbour[]> {
    const found = await this.#collect(() => request(ifindex), RTM_NEWNEIGH, decodeNeighbour);
    return found.filter((neighbour) => neighbour.ifindex === ifindex);
  }

  /** Host routes, default routes, and those by way of a router: what decisions are made from. The rest is not kept. */
  #readRoutes(family: Family): Promise<Route[]> {
    const host = family === 'IPv4' ? 32 : 128;
    return this.#collect(
      () => encodeRouteDump(family),
      RTM_NEWROUTE,
      (body) => {
        const route = decodeRoute(body);
        const isSpecial = route?.prefixLength === 0 || route?.prefixLength === host;
        return isSpecial || route?.gateways !== undefined ? route : undefined;
      },
    );
  }

  async #collect<T>(request: () => Buffer, type: number, decode: (body: Buffer) => T | undefined): Promise<T[]> {
    let found: T[] = [];
    const begin = () => {
      found = [];
      return [request()];
    };
    await this.#gather(begin, (message) => {
      const value = message.type === type ? decode(message.body) : undefined;
      if (value !== undefined) found.push(value);
    });
    return found;
  }

  /** `begin` gives the requests, and forgets what an earlier attempt has found. */
  async #gather(begin: () => readonly Buffer[], fold: (message: Message) => void): Promise<void> {
    for (let attempt = 1; ; attempt++) {
      try {
        if (await this.#socket.gather(begin(), fold)) return;
        if (attempt >= ATTEMPTS) throw new DisturbedError();
      } catch (error) {
        if (error instanceof NetlinkError && NOTHING.has(error.code)) return;
        if (!isTransient(error) || attempt >= ATTEMPTS) throw error;
      }
    }
  }
}

/** Half a look would take what it missed for gone: whoever asked has to ask again, later. */
class DisturbedError extends Error {
  constructor() {
    super(`the kernel's tables changed during each of ${ATTEMPTS} looks at them`);
  }
}

function some<T>(value: T | undefined): readonly T[] {
  return value === undefined ? [] : [value];
}

/** Neither a group of hosts nor one that does not answer. */
function isHost({ mac }: Neighbour): boolean {
  return mac !== '' && (Number.parseInt(mac.slice(0, 2), 16) & 1) === 0;
}

function isMessage(change: Change): change is NetlinkChange {
  return !['FilterEgress', 'IgnoreRouters', 'StartNdpProxy', 'StopNdpProxy'].includes(change.type);
}

function refusalOf(
  change: Change,
  answer: { code?: string | undefined; message: string } | undefined,
): readonly Refusal[] {
  if (answer === undefined) return [];
  const { code = 'EINVAL', message } = answer;
  return ALREADY[change.type]?.includes(code) === true ? [] : [{ change, code, message }];
}

/** Answers were lost, or another dump was under way. */
function isTransient(error: unknown): boolean {
  return error instanceof NetlinkError && (error.code === 'ENOBUFS' || error.code === 'EBUSY');
}
