// Multus' result cache on the node, read-only: which links of running pods have their addresses by DHCP through our daemon.
import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type CachedClient, parseCachedClient } from '../domain/dhcp/cached-client.ts';
import { clientOf } from '../domain/dhcp/lease-book.ts';

/** By the daemon's name for them. */
export type Clients = ReadonlyMap<string, CachedClient>;

export class ClientCache {
  readonly #folder: string;
  readonly #prefix: string;

  /** @param prefix where the node's root is seen from here */
  constructor(folder: string, prefix: string) {
    this.#folder = folder;
    this.#prefix = prefix;
  }

  async read(): Promise<Clients> {
    // Without the folder nothing was ever attached on this node.
    const names = await readdir(this.#folder).catch((): string[] => []);
    const clients = new Map<string, CachedClient>();
    for (const name of names) {
      // One that goes meanwhile is one of a pod that ends.
      const text = await readFile(join(this.#folder, name), 'utf8').catch(() => '');
      const client = parseCachedClient(text, (base64) => Buffer.from(base64, 'base64').toString('utf8'));
      // A file may outlive its pod, above all by a reboot.
      if (client !== undefined && existsSync(this.#prefix + client.netns)) clients.set(clientOf(client), client);
    }
    return clients;
  }
}
