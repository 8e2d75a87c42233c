// Pods' network namespaces, seen through a mount of the node's /run/netns. Descriptors on them live for one question: a held
// one would keep a dead pod's namespace alive, and with it its MAC address, so that the next pod's link could not go up.
import { type FileHandle, open } from 'node:fs/promises';
import { basename, join } from 'node:path';
import type { CachedLink } from '../../domain/pod/cached-link.ts';
import type { LinkSight } from '../../domain/pod/link-state.ts';
import type { RepairPlan } from '../../domain/pod/repair.ts';
import type { Addon } from '../netlink/addon.ts';
import {
  decodeNamespaceNumber,
  decodeRemoteLink,
  encodeNamedLinkGet,
  encodeNamespaceNumber,
  encodeNumberNamespace,
} from '../netlink/remote.ts';
import { NetlinkError, RequestSocket } from '../netlink/socket.ts';
import type { SandboxPort } from '../ports.ts';
import { REPAIR_NOTE, repairIn } from './repair.ts';

/** So many namespaces are opened at a time. */
const BATCH = 32;

type Live = LinkSight['live'];

/** The namespaces of the node's pods, over netlink. */
export class Sandboxes implements SandboxPort {
  readonly #addon: Addon;
  readonly #folder: string;
  readonly #socket: RequestSocket;

  /**
   * Throws when the kernel refuses a socket.
   * @param folder where the node's /run/netns is seen from here
   */
  constructor(addon: Addon, folder: string) {
    this.#addon = addon;
    this.#folder = folder;
    this.#socket = new RequestSocket(addon);
  }

  async look(links: readonly CachedLink[]): Promise<readonly Live[]> {
    const numbers = await this.#numbersOf([...new Set(links.map((link) => link.netns))]);
    const asked = links.flatMap((link) => {
      const number = numbers.get(link.netns);
      return number === undefined ? [] : [{ link, request: encodeNamedLinkGet(link.interface, number) }];
    });
    const answers = await this.#socket.ask(
      asked.map(({ request }) => request),
      decodeRemoteLink,
    );
    const live = new Map<CachedLink, Live>();
    asked.forEach(({ link }, i) => {
      const answer = answers[i];
      if (answer instanceof NetlinkError) live.set(link, answer.code === 'ENODEV' ? 'Missing' : 'Unseen');
      else if (answer !== undefined) {
        const { lower, note } = answer;
        live.set(link, { ...(lower === undefined ? {} : { lower }), isRepaired: note === REPAIR_NOTE });
      }
    });
    return links.map((link) => live.get(link) ?? 'Unseen');
  }

  async repair(plan: RepairPlan): Promise<void> {
    const path = this.#pathOf(plan.netns);
    if (path === undefined) throw new Error(`its network namespace ${plan.netns} is not one of /run/netns`);
    const file = await open(path, 'r');
    try {
      await repairIn(file.fd, plan, { addon: this.#addon, node: this.#socket });
    } finally {
      await file.close();
    }
  }

  close(): Promise<void> {
    return this.#socket.close();
  }

  /** The numbers that the kernel has for these namespaces; those that are gone or cannot be seen have none. */
  async #numbersOf(paths: readonly string[]): Promise<ReadonlyMap<string, number>> {
    const numbers = new Map<string, number>();
    for (let at = 0; at < paths.length; at += BATCH) {
      const files = await this.#openAll(paths.slice(at, at + BATCH));
      try {
        // Most have a number already: the cluster network's veth pair gave them one.
        await this.#socket.send(files.map(({ file }) => encodeNumberNamespace(file.fd)));
        const requests = files.map(({ file }) => encodeNamespaceNumber(file.fd));
        const found = await this.#socket.ask(requests, decodeNamespaceNumber);
        files.forEach(({ path }, i) => {
          const number = found[i];
          if (typeof number === 'number' && number >= 0) numbers.set(path, number);
        });
      } finally {
        await Promise.all(files.map(({ file }) => file.close()));
      }
    }
    return numbers;
  }

  async #openAll(paths: readonly string[]): Promise<readonly { readonly path: string; readonly file: FileHandle }[]> {
    const opened = await Promise.all(
      paths.map(async (path) => {
        const seen = this.#pathOf(path);
        const file = seen === undefined ? undefined : await open(seen, 'r').catch(() => undefined);
        return file === undefined ? [] : [{ path, file }];
      }),
    );
    return opened.flat();
  }

  /** `/var/run/netns/cni-…` as seen from here; nothing for a namespace that is kept elsewhere. */
  #pathOf(path: string): string | undefined {
    return /^(\/var)?\/run\/netns\/[^/]+$/.test(path) ? join(this.#folder, basename(path)) : undefined;
  }
}
