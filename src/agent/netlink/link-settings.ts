// Settings of a shim that netlink cannot change: files of the kernel, one per setting. No other link's are ever written.
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { SHIM_PREFIX } from '../../api/names.ts';

export class LinkSettings {
  readonly #folder: string;

  /** @param folder /proc/sys/net of the network namespace; in a container's own view it is read-only */
  constructor(folder = '/proc/sys/net') {
    this.#folder = folder;
  }

  /** Rejects when the file is not there or may not be written, and for a link that is no shim. */
  async writeIPv6(link: string, setting: 'accept_ra' | 'forwarding' | 'proxy_ndp', value: 0 | 1): Promise<void> {
    if (!link.startsWith(SHIM_PREFIX) || link.includes('/')) throw new Error(`${link} is no shim`);
    await writeFile(join(this.#folder, 'ipv6/conf', link, setting), `${value}\n`);
  }
}
