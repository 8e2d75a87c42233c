// What netlink does not tell about a physical NIC: its driver, its place on the PCI bus, whether it is wireless. Read from sysfs,
// once per device.
import { access, readFile, readlink, realpath } from 'node:fs/promises';
import { basename, join } from 'node:path';
import type { Link } from '../../domain/net/network.ts';

type Hardware = Pick<Link, 'driver' | 'pciAddress' | 'isWireless'>;

const PCI_ADDRESS = /^[0-9a-f]{4,8}:[0-9a-f]{2}:[0-9a-f]{2}\.[0-7]$/;

/** Looks each device up once: what it is made of stays the same for as long as it has its index. */
export class HardwareFacts {
  readonly #folder: string;
  #known = new Map<number, Hardware>();

  /** @param folder where the kernel shows the links of the namespace, by name */
  constructor(folder = '/sys/class/net') {
    this.#folder = folder;
  }

  /** The links, with driver and PCI address where they are hardware. Forgets devices that are gone. */
  async addTo(links: readonly Link[]): Promise<readonly Link[]> {
    const known = new Map<number, Hardware>();
    for (const link of links) {
      if (link.type !== 'Ethernet' || link.kind !== undefined) continue;
      known.set(link.ifindex, this.#known.get(link.ifindex) ?? (await this.#read(link)));
    }
    // One that was renamed at the very moment is looked up again.
    this.#known = new Map([...known].filter(([, hardware]) => hardware.driver !== undefined));
    return links.map((link) => {
      const hardware = known.get(link.ifindex);
      return hardware === undefined ? link : { ...link, ...hardware };
    });
  }

  /** Nothing when the name is, or has meanwhile become, that of another device: names may move while they are read. */
  async #read({ name, ifindex }: Link): Promise<Hardware> {
    if ((await this.#indexOf(name)) !== ifindex) return {};
    const device = join(this.#folder, name, 'device');
    const driver = await readlink(join(device, 'driver')).catch(() => undefined);
    const path = await realpath(device).catch(() => '');
    const isWireless = await this.#isWireless(name);
    if ((await this.#indexOf(name)) !== ifindex) return {};
    // A virtio NIC is a child of its PCI device: the nearest ancestor on that bus counts.
    const pciAddress = path.split('/').findLast((part) => PCI_ADDRESS.test(part));
    return {
      ...(driver === undefined ? {} : { driver: basename(driver) }),
      ...(pciAddress === undefined ? {} : { pciAddress }),
      ...(isWireless ? { isWireless } : {}),
    };
  }

  /** Every driver in the kernel's own wireless layer has the first; older ones only say what they are. */
  async #isWireless(name: string): Promise<boolean> {
    const has = (file: string) =>
      access(join(this.#folder, name, file)).then(
        () => true,
        () => false,
      );
    if (await has('phy80211')) return true;
    const uevent = await readFile(join(this.#folder, name, 'uevent'), 'utf8').catch(() => '');
    return /^DEVTYPE=wlan$/m.test(uevent);
  }

  async #indexOf(name: string): Promise<number> {
    return Number(await readFile(join(this.#folder, name, 'ifindex'), 'utf8').catch(() => ''));
  }
}
