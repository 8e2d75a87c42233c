// The node's network over netlink: dumps give the facts, batches make the changes.
import { SHIM_PREFIX } from '../../api/names.ts';
import type { Change, Refusal } from '../../domain/net/change.ts';
import type { Address, Family, Link, Neighbour, Network, Route } from '../../domain/net/network.ts';
import type { NetworkPort } from '../ports.ts';
import type { Addon } from './addon.ts';
import { RTM_NEWADDR, RTM_NEWLINK, RTM_NEWNEIGH, RTM_NEWROUTE } from './constants.ts';
import { decodeAddress, decodeLink, decodeNeighbour, decodeRoute } from './decode.ts';
import {
  encodeAddressDump,
  encodeChange,
  encodeLinkDump,
  encodeLinkGet,
  encodeNeighbourDump,
  encodeRouteDump,
} from './encode.ts';
import { HardwareFacts } from './hardware.ts';
import { NetlinkError, RequestSocket } from './socket.ts';

/** A dump that was disturbed is made again, this often at most: on a busy node one is disturbed now and then. */
const ATTEMPTS = 4;
/** What a dump answers when there is nothing: a table that was never used, a link or family that is not there. */
const NOTHING = new Set(['ENOENT', 'ENODEV', 'EAFNOSUPPORT', 'EOPNOTSUPP']);
/** What the kernel answers when a change is already made: somebody, or an earlier attempt, was faster. */
const ALREADY: Readonly<Partial<Record<Change['type'], readonly string[]>>> = {
  RemoveAltName: ['ENOENT', 'ENODEV'],
  DeleteLink: ['ENODEV'],
  RemoveAddress: ['EADDRNOTAVAIL', 'ENODEV'],
  RemoveRoute: ['ESRCH', 'ENODEV'],
  RemoveNeighbour: ['ENOENT', 'ENODEV'],
  AddAddress: ['EEXIST'],
};

/** The real network of the namespace that the process runs in. */
export class NetlinkNetwork implements NetworkPort {
  readonly #socket: RequestSocket;
  readonly #hardware: HardwareFacts;

  /** Throws when the kernel refuses a socket. */
  constructor(addon: Addon, hardware = new HardwareFacts()) {
    this.#socket = new RequestSocket(addon);
    this.#hardware = hardware;
  }

  async read(): Promise<Network> {
    const links = await this.#hardware.addTo(await this.#collect<Link>(encodeLinkDump, RTM_NEWLINK, decodeLink));
    const addresses = await this.#collect<Address>(encodeAddressDump, RTM_NEWADDR, decodeAddress);
    const routes = [...(await this.#readRoutes('IPv4')), ...(await this.#readRoutes('IPv6'))];
    const neighbours: Neighbour[] = [];
    for (const { ifindex } of links.filter((link) => link.name.startsWith(SHIM_PREFIX))) {
      const found = await this.#collect(() => encodeNeighbourDump(ifindex), RTM_NEWNEIGH, decodeNeighbour);
      neighbours.push(...found.filter((neighbour) => neighbour.ifindex === ifindex));
    }
    return { links, addresses, routes, neighbours };
  }

  async readLink(ifindex: number): Promise<Link | undefined> {
    const found = await this.#collect<Link>(() => encodeLinkGet(ifindex), RTM_NEWLINK, decodeLink);
    return found[0];
  }

  async apply(changes: readonly Change[]): Promise<readonly Refusal[]> {
    const answers = await this.#socket.send(changes.map(encodeChange));
    return changes.flatMap((change, i) => {
      const answer = answers[i];
      const isRefused = answer !== undefined && ALREADY[change.type]?.includes(answer.code) !== true;
      return isRefused ? [{ change, code: answer.code, message: answer.message }] : [];
    });
  }

  close(): Promise<void> {
    return this.#socket.close();
  }

  /** Host routes and default routes: what decisions are made from. The rest of a large table is not kept. */
  #readRoutes(family: Family): Promise<Route[]> {
    const host = family === 'IPv4' ? 32 : 128;
    return this.#collect(
      () => encodeRouteDump(family),
      RTM_NEWROUTE,
      (body) => {
        const prefixLength = body[1];
        return prefixLength === 0 || prefixLength === host ? decodeRoute(body) : undefined;
      },
    );
  }

  async #collect<T>(request: () => Buffer, type: number, decode: (body: Buffer) => T | undefined): Promise<T[]> {
    for (let attempt = 1; ; attempt++) {
      const found: T[] = [];
      try {
        const isConsistent = await this.#socket.dump(request(), (message) => {
          const value = message.type === type ? decode(message.body) : undefined;
          if (value !== undefined) found.push(value);
        });
        if (isConsistent || attempt >= ATTEMPTS) return found;
      } catch (error) {
        if (error instanceof NetlinkError && NOTHING.has(error.code)) return found;
        if (!isTransient(error) || attempt >= ATTEMPTS) throw error;
      }
    }
  }
}

/** Answers were lost, or another dump was under way. */
function isTransient(error: unknown): boolean {
  return error instanceof NetlinkError && (error.code === 'ENOBUFS' || error.code === 'EBUSY');
}
