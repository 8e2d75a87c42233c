// Pods' network namespaces, seen through a mount of the node's /run/netns. Descriptors on them live for one question: a held
// one would keep a dead pod's namespace alive, and with it its MAC address, so that the next pod's link could not go up.
import { type FileHandle, open } from 'node:fs/promises';
import { basename, join } from 'node:path';
import type { CachedLink } from '../../domain/pod/cached-link.ts';
import type { LinkSight } from '../../domain/pod/link-state.ts';
import type { LiveAddress } from '../../domain/pod/live-addresses.ts';
import type { RepairPlan } from '../../domain/pod/repair.ts';
import type { Addon } from '../netlink/addon.ts';
import { RTM_NEWADDR } from '../netlink/constants.ts';
import type { Message } from '../netlink/message.ts';
import {
  decodeNamespaceNumber,
  decodeRemoteAddress,
  decodeRemoteLink,
  encodeNamedLinkGet,
  encodeNamespaceNumber,
  encodeNumberNamespace,
  encodeRemoteAddressDump,
  type RemoteLink,
} from '../netlink/remote.ts';
import { NetlinkError, RequestSocket } from '../netlink/socket.ts';
import type { DhcpPort, SandboxPort } from '../ports.ts';
import { type Enter, repairWithLease } from './lease-repair.ts';
import { REPAIR_NOTE, repairIn, UNFINISHED_NOTE } from './repair.ts';

/** So many namespaces are open at a time, for the few milliseconds that the questions take. */
const BATCH = 32;
/** A look that was disturbed is made again, this often at most. */
const ATTEMPTS = 3;

type Live = LinkSight['live'];

interface Opened {
  readonly path: string;
  readonly file: FileHandle;
}

/** The namespaces of the node's pods, over netlink. */
export class Sandboxes implements SandboxPort {
  readonly #addon: Addon;
  readonly #folder: string;
  readonly #socket: RequestSocket;
  readonly #dhcp: DhcpPort | undefined;
  readonly #settings: string;

  /**
   * Throws when the kernel refuses a socket.
   * @param folder where the node's /run/netns is seen from here
   * @param dhcp gets leases for links that are made again
   * @param settings where /proc/sys/net is seen from here, writable
   */
  constructor(addon: Addon, folder: string, dhcp?: DhcpPort, settings = '/proc/sys/net') {
    this.#dhcp = dhcp;
    this.#settings = settings;
    this.#addon = addon;
    this.#folder = folder;
    this.#socket = new RequestSocket(addon);
  }

  async look(links: readonly CachedLink[]): Promise<readonly Live[]> {
    const live = new Map<CachedLink, Live>();
    const paths = [...new Set(links.map((link) => link.netns))];
    for (let at = 0; at < paths.length; at += BATCH) {
      const batch = new Set(paths.slice(at, at + BATCH));
      await this.#lookInto(
        links.filter((link) => batch.has(link.netns)),
        live,
      );
    }
    return links.map((link) => live.get(link) ?? 'Unseen');
  }

  async repair(plan: RepairPlan): Promise<void> {
    const sockets = { addon: this.#addon, node: this.#socket, settings: this.#settings };
    const enter: Enter = (act) => this.#enter(plan.netns, act);
    if (plan.lease === undefined) return enter((namespace) => repairIn(namespace, plan, sockets));
    if (this.#dhcp === undefined) throw new Error('nobody here knows the DHCP daemon');
    await repairWithLease(plan, plan.lease, { enter, sockets, dhcp: this.#dhcp });
  }

  close(): Promise<void> {
    return this.#socket.close();
  }

  async #enter(netns: string, act: (namespace: number) => Promise<void>): Promise<void> {
    const path = this.#pathOf(netns);
    if (path === undefined) throw new Error(`its network namespace ${netns} is not one of /run/netns`);
    const file = await open(path, 'r');
    try {
      await act(file.fd);
    } finally {
      await file.close();
    }
  }

  /** While a namespace is open, the kernel gives its number to no other. */
  async #lookInto(links: readonly CachedLink[], live: Map<CachedLink, Live>): Promise<void> {
    const files = await this.#openAll([...new Set(links.map((link) => link.netns))]);
    try {
      const numbers = await this.#numbersOf(files);
      const asked = links.flatMap((link) => {
        const number = numbers.get(link.netns);
        return number === undefined ? [] : [{ link, number }];
      });
      const answers = await this.#socket.ask(
        asked.map(({ link, number }) => encodeNamedLinkGet(link.interface, number)),
        decodeRemoteLink,
      );
      for (const [i, { link, number }] of asked.entries()) {
        const answer = answers[i];
        if (answer instanceof NetlinkError) live.set(link, answer.code === 'ENODEV' ? 'Missing' : 'Unseen');
        else if (answer?.note === UNFINISHED_NOTE) live.set(link, 'Missing');
        else if (answer !== undefined) live.set(link, await this.#describe(answer, number));
      }
    } finally {
      await Promise.all(files.map(({ file }) => file.close()));
    }
  }

  async #describe({ ifindex, lower, note }: RemoteLink, number: number): Promise<Live> {
    const addresses = await this.#addressesOf(ifindex, number);
    return {
      ...(lower === undefined ? {} : { lower }),
      isRepaired: note === REPAIR_NOTE,
      ...(addresses === undefined ? {} : { addresses }),
    };
  }

  /** Nothing when they could not be read: then what the plugins gave stands until the next look. */
  async #addressesOf(ifindex: number, number: number): Promise<readonly LiveAddress[] | undefined> {
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      const found: LiveAddress[] = [];
      const read = (message: Message): void => {
        const address = message.type === RTM_NEWADDR ? decodeRemoteAddress(message) : undefined;
        if (address !== undefined) found.push(address);
      };
      const isConsistent = await this.#socket.dump(encodeRemoteAddressDump(number, ifindex), read).catch(() => false);
      if (isConsistent) return found.sort((a, b) => (a.address < b.address ? -1 : 1));
    }
    return undefined;
  }

  /** The numbers that the kernel has for these namespaces. */
  async #numbersOf(files: readonly Opened[]): Promise<ReadonlyMap<string, number>> {
    // Most have a number already: the cluster network's veth pair gave them one.
    await this.#socket.send(files.map(({ file }) => encodeNumberNamespace(file.fd)));
    const requests = files.map(({ file }) => encodeNamespaceNumber(file.fd));
    const found = await this.#socket.ask(requests, decodeNamespaceNumber);
    const numbers = new Map<string, number>();
    files.forEach(({ path }, i) => {
      const number = found[i];
      if (typeof number === 'number' && number >= 0) numbers.set(path, number);
    });
    return numbers;
  }

  /** Those that are gone or cannot be seen are left out. */
  async #openAll(paths: readonly string[]): Promise<readonly Opened[]> {
    const opened = await Promise.all(
      paths.map(async (path) => {
        const seen = this.#pathOf(path);
        const file = seen === undefined ? undefined : await open(seen, 'r').catch(() => undefined);
        return file === undefined ? [] : [{ path, file }];
      }),
    );
    return opened.flat();
  }

  /** `/var/run/netns/cni-...` as seen from here; nothing for a namespace that is kept elsewhere. */
  #pathOf(path: string): string | undefined {
    return /^(\/var)?\/run\/netns\/[^/]+$/.test(path) ? join(this.#folder, basename(path)) : undefined;
  }
}
