// Multus' result cache on the node, read-only: which links of running pods have their addresses by DHCP through our daemon.
import { existsSync } from 'node:fs';
import { type CachedClient, parseCachedClient } from '../domain/dhcp/cached-client.ts';
import { clientOf } from '../domain/dhcp/lease-book.ts';
import { decodeBase64 } from '../kernel/process/base64.ts';
import { ParsedFolder } from '../kernel/process/parsed-folder.ts';

/** By the daemon's name for them. */
export type Clients = ReadonlyMap<string, CachedClient>;

export class ClientCache {
  readonly #files: ParsedFolder<CachedClient>;
  readonly #prefix: string;

  /**
   * @param folder without it nothing was ever attached on this node
   * @param prefix where the node's root is seen from here
   */
  constructor(folder: string, prefix: string) {
    this.#files = new ParsedFolder(folder, (text) => parseCachedClient(text, decodeBase64));
    this.#prefix = prefix;
  }

  async read(): Promise<Clients> {
    const clients = new Map<string, CachedClient>();
    for (const { value: client } of await this.#files.read()) {
      // A file may outlive its pod, above all by a reboot.
      if (client !== undefined && existsSync(this.#prefix + client.netns)) clients.set(clientOf(client), client);
    }
    return clients;
  }
}
