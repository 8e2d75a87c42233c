// Links of pods, seen and changed from inside their network namespaces: what the daemon leaves undone when a lease has expired.
// Descriptors on namespaces live for one question: a held one would keep a dead pod's MAC address from its successor.
import { open } from 'node:fs/promises';
import type { Addon } from '../agent/netlink/addon.ts';
import { RTM_NEWADDR } from '../agent/netlink/constants.ts';
import { decodeAddress, decodeLink } from '../agent/netlink/decode.ts';
import { encodeAddressDump, encodeChange } from '../agent/netlink/encode.ts';
import { encodePodAddress, encodePodRoute } from '../agent/netlink/pod-link.ts';
import { encodeNamedLinkGet } from '../agent/netlink/remote.ts';
import { type Acknowledgement, NetlinkError, RequestSocket } from '../agent/netlink/socket.ts';
import type { CachedClient } from '../domain/dhcp/cached-client.ts';
import type { Address, Link } from '../domain/net/network.ts';
import { parseAssignment } from '../domain/pod/cached-link.ts';
import { inOrder } from '../domain/pod/repair.ts';

/** What has to be done to a link around its lease. All but the look reject when it is gone, and all when the kernel refuses. */
export interface PodLinksPort {
  /** Bare: switched off, or without any IPv4 address. Gone: the link or its namespace. */
  look(client: CachedClient): Promise<'Whole' | 'Bare' | 'Gone'>;
  /** Takes its IPv4 addresses off. */
  strip(client: CachedClient): Promise<void>;
  /** Puts the addresses and routes of a plugin's result on it. */
  dress(client: CachedClient, result: Readonly<Record<string, unknown>>): Promise<void>;
  switchOff(client: CachedClient): Promise<void>;
}

/** No such file, and no such link. */
const GONE: ReadonlySet<string> = new Set(['ENOENT', 'ENODEV']);

interface Inside {
  readonly socket: RequestSocket;
  readonly link: Link;
}

export class PodLinks implements PodLinksPort {
  readonly #addon: Addon;
  readonly #prefix: string;

  /** @param prefix where the node's root is seen from here */
  constructor(addon: Addon, prefix: string) {
    this.#addon = addon;
    this.#prefix = prefix;
  }

  async look(client: CachedClient): Promise<'Whole' | 'Bare' | 'Gone'> {
    try {
      return await this.#within(client, async (inside) =>
        inside.link.isUp && (await addressesOn(inside)).length > 0 ? 'Whole' : 'Bare',
      );
    } catch (error) {
      if (GONE.has(String((error as { code?: unknown }).code))) return 'Gone';
      throw error;
    }
  }

  async strip(client: CachedClient): Promise<void> {
    await this.#within(client, async (inside) => {
      const addresses = await addressesOn(inside);
      const removals = addresses.map((address) => encodeChange({ type: 'RemoveAddress', ...address }));
      // With the first address of a network the kernel may take the others.
      need(await inside.socket.send(removals), 'EADDRNOTAVAIL');
    });
  }

  async dress(client: CachedClient, result: Readonly<Record<string, unknown>>): Promise<void> {
    const { addresses, routes } = parseAssignment(result);
    await this.#within(client, async ({ socket, link: { ifindex } }) => {
      need(await socket.send(addresses.map((address) => encodePodAddress(ifindex, address))), 'EEXIST');
      // The plugins, too, leave a route alone that is there already.
      need(await socket.send(inOrder(routes).map((route) => encodePodRoute(ifindex, route))), 'EEXIST');
    });
  }

  async switchOff(client: CachedClient): Promise<void> {
    await this.#within(client, async ({ socket, link: { ifindex, name } }) =>
      need(await socket.send([encodeChange({ type: 'SetLink', ifindex, name, up: false })])),
    );
  }

  async #within<T>(client: CachedClient, act: (inside: Inside) => Promise<T>): Promise<T> {
    const file = await open(this.#prefix + client.netns, 'r');
    try {
      const socket = new RequestSocket(this.#addon, file.fd);
      try {
        return await act({ socket, link: await linkNamed(socket, client.interface) });
      } finally {
        // The socket keeps the namespace alive as a descriptor on it would.
        await socket.close();
      }
    } finally {
      await file.close();
    }
  }
}

async function linkNamed(socket: RequestSocket, name: string): Promise<Link> {
  const [link] = await socket.ask([encodeNamedLinkGet(name)], ({ body }) => decodeLink(body));
  if (link instanceof NetlinkError) throw link;
  if (link === undefined) throw new Error(`the kernel tells nothing of ${name}`);
  return link;
}

/** The IPv4 addresses on the link. */
async function addressesOn({ socket, link: { ifindex } }: Inside): Promise<readonly Address[]> {
  const found: Address[] = [];
  await socket.dump(encodeAddressDump(ifindex), ({ type, body }) => {
    const address = type === RTM_NEWADDR ? decodeAddress(body) : undefined;
    if (address?.family === 'IPv4' && address.ifindex === ifindex) found.push(address);
  });
  return found;
}

/** @param harmless an error that says that there is nothing to do */
function need(answers: readonly Acknowledgement[], harmless?: string): void {
  const error = answers.find((answer) => answer !== undefined && answer.code !== harmless);
  if (error !== undefined) throw error;
}
