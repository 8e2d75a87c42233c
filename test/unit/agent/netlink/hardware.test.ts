// Driver and PCI address out of a sysfs that is laid out as the kernel's.
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { HardwareFacts } from '../../../../src/agent/netlink/hardware.ts';
import { link } from '../../../support/network.ts';

let sys: string;

beforeEach(() => {
  sys = mkdtempSync(join(tmpdir(), 'macvlan-sysfs-'));
  mkdirSync(join(sys, 'class/net'), { recursive: true });
});
afterEach(() => rmSync(sys, { recursive: true }));

/** A NIC on a device, below `devices/`, that a driver looks after. */
function plug(name: string, device: string, driver: string, ifindex = 2): void {
  const path = join(sys, 'devices', device);
  mkdirSync(join(path, 'net', name), { recursive: true });
  mkdirSync(join(sys, 'bus/drivers', driver), { recursive: true });
  symlinkSync(join(sys, 'bus/drivers', driver), join(path, 'driver'));
  symlinkSync(path, join(path, 'net', name, 'device'));
  symlinkSync(join(path, 'net', name), join(sys, 'class/net', name));
  writeFileSync(join(path, 'net', name, 'ifindex'), `${ifindex}\n`);
}

const factsOf = async (facts: HardwareFacts, ...links: ReturnType<typeof link>[]) =>
  (await facts.addTo(links)).map(({ name, driver, pciAddress }) => [name, driver, pciAddress]);

describe('driver and PCI address', () => {
  test('are those of the device that the NIC is on', async () => {
    plug('enp3s0', 'pci0000:00/0000:00:1c.0/0000:03:00.0', 'igc');
    const facts = new HardwareFacts(join(sys, 'class/net'));
    expect(await factsOf(facts, link({ name: 'enp3s0' }))).toEqual([['enp3s0', 'igc', '0000:03:00.0']]);
  });

  test('are found for a virtio NIC, which is a child of its PCI device', async () => {
    plug('eth0', 'pci0000:00/0000:00:03.0/virtio2', 'virtio_net');
    const facts = new HardwareFacts(join(sys, 'class/net'));
    expect(await factsOf(facts, link({ name: 'eth0' }))).toEqual([['eth0', 'virtio_net', '0000:00:03.0']]);
  });

  test('are not looked for on virtual devices, and missing on hardware that is on no bus', async () => {
    plug('end0', 'platform/fd580000.ethernet', 'bcmgenet');
    const facts = new HardwareFacts(join(sys, 'class/net'));
    const links = [link({ name: 'end0' }), link({ ifindex: 3, name: 'veth1', kind: 'veth' })];
    expect(await factsOf(facts, ...links)).toEqual([
      ['end0', 'bcmgenet', undefined],
      ['veth1', undefined, undefined],
    ]);
  });

  test('are not taken from another device that has come to have the name, and are read once it is right', async () => {
    plug('eth0', 'pci0000:00/0000:04:00.0', 'e1000e', 3);
    const facts = new HardwareFacts(join(sys, 'class/net'));
    expect(await factsOf(facts, link({ name: 'eth0' }))).toEqual([['eth0', undefined, undefined]]);
    plug('lan0', 'pci0000:00/0000:03:00.0', 'igc', 2);
    const links = [link({ name: 'lan0' }), link({ ifindex: 3, name: 'eth0' })];
    expect(await factsOf(facts, ...links)).toEqual([
      ['lan0', 'igc', '0000:03:00.0'],
      ['eth0', 'e1000e', '0000:04:00.0'],
    ]);
  });

  test('are read once per device, and stay through a rename', async () => {
    plug('eth0', 'pci0000:00/0000:03:00.0', 'igc');
    const facts = new HardwareFacts(join(sys, 'class/net'));
    await factsOf(facts, link({ name: 'eth0' }));
    rmSync(join(sys, 'class'), { recursive: true });
    expect(await factsOf(facts, link({ name: 'lan0' }))).toEqual([['lan0', 'igc', '0000:03:00.0']]);
    expect(await factsOf(facts, link({ ifindex: 9, name: 'other' }))).toEqual([['other', undefined, undefined]]);
  });
});
