// Settings of our own links (shims and probes) that netlink cannot change: files of the kernel, one per setting. No other link's
// are ever written.
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { PROBE_PREFIX, SHIM_PREFIX } from '../../api/names.ts';

type IPv6Setting = 'accept_ra' | 'disable_ipv6' | 'forwarding' | 'proxy_ndp';

export class LinkSettings {
  readonly #folder: string;

  /** @param folder /proc/sys/net of the network namespace; in a container's own view it is read-only */
  constructor(folder = '/proc/sys/net') {
    this.#folder = folder;
  }

  /** Rejects when the file is not there or may not be written, and for a link that is not ours. */
  async writeIPv6(link: string, setting: IPv6Setting, value: 0 | 1): Promise<void> {
    const isOurs = link.startsWith(SHIM_PREFIX) || link.startsWith(PROBE_PREFIX);
    if (!isOurs || link.includes('/')) throw new Error(`${link} is no link of ours`);
    await writeFile(join(this.#folder, 'ipv6/conf', link, setting), `${value}\n`);
  }
}
