// Multus' result cache on the node, read-only: which links of running pods have their addresses by DHCP through our daemon.
import { existsSync } from 'node:fs';
import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { type CachedClient, parseCachedClient } from '../domain/dhcp/cached-client.ts';
import { clientOf } from '../domain/dhcp/lease-book.ts';

/** By the daemon's name for them. */
export type Clients = ReadonlyMap<string, CachedClient>;

interface Known {
  /** Which version of the file was read. */
  readonly version: string;
  readonly client: CachedClient | undefined;
}

/** Reads files when they are new or were written again, and remembers what was in them. */
export class ClientCache {
  readonly #folder: string;
  readonly #prefix: string;
  #known: ReadonlyMap<string, Known> = new Map();

  /** @param prefix where the node's root is seen from here */
  constructor(folder: string, prefix: string) {
    this.#folder = folder;
    this.#prefix = prefix;
  }

  async read(): Promise<Clients> {
    const names = await this.#names();
    const known = new Map<string, Known>();
    for (const name of names) {
      const entry = await this.#look(name);
      if (entry !== undefined) known.set(name, entry);
    }
    this.#known = known;
    const clients = new Map<string, CachedClient>();
    for (const { client } of known.values()) {
      // A file may outlive its pod, above all by a reboot.
      if (client !== undefined && existsSync(this.#prefix + client.netns)) clients.set(clientOf(client), client);
    }
    return clients;
  }

  /** Without the folder nothing was ever attached on this node. One that cannot be read now is no news of anybody's end. */
  async #names(): Promise<Iterable<string>> {
    try {
      return await readdir(this.#folder);
    } catch (error) {
      return isNotThere(error) ? [] : this.#known.keys();
    }
  }

  async #look(name: string): Promise<Known | undefined> {
    const path = join(this.#folder, name);
    const before = this.#known.get(name);
    try {
      const { ino, size, mtimeMs } = await stat(path);
      const version = `${ino} ${size} ${mtimeMs}`;
      if (before?.version === version) return before;
      return { version, client: parseCachedClient(await readFile(path, 'utf8'), decodeBase64) };
    } catch (error) {
      // One that goes meanwhile is one of a pod that ends.
      return isNotThere(error) ? undefined : before;
    }
  }
}

function isNotThere(error: unknown): boolean {
  return (error as { code?: unknown }).code === 'ENOENT';
}

function decodeBase64(text: string): string {
  return Buffer.from(text, 'base64').toString('utf8');
}
