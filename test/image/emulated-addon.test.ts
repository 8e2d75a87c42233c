// The addon of another architecture than the machine's, in the image's Node under QEMU's user mode: the kernel is the machine's. QEMU 7
// translates the older messages of netlink only (no altnames, no neighbours, no filters) and cannot lock the filter of a packet
// socket: what needs these is shown on the machine's own architecture.
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { architectureNamed } from '../../scripts/architectures.ts';
import type { Change } from '../../src/domain/net/change.ts';
import type { Network } from '../../src/domain/net/network.ts';
import type { Lab } from '../netns/support/lab.ts';
import { NIC, startLan } from '../netns/support/lan.ts';
import { RemoteNetwork } from '../netns/support/remote-network.ts';
import { emulatorFor, FOREIGN } from './support/emulator.ts';
import { type Unpacked, unpackImage } from './support/unpacked.ts';

jest.setTimeout(10 * 60_000);

describe.each(FOREIGN.map(({ name }) => name))('the addon for %s', (name) => {
  let image: Unpacked;
  let node: readonly string[];
  let addon: string;

  beforeAll(async () => {
    image = await unpackImage(architectureNamed(name));
    node = [...(await emulatorFor(image.architecture, image.root)), join(image.root, 'usr/local/bin/node')];
    addon = join(image.root, 'app/netlink.node');
  });

  afterAll(() => image.remove());

  describe('on a LAN', () => {
    let lab: Lab;

    beforeAll(async () => {
      lab = await startLan();
    });

    afterAll(() => lab.stop());

    /** What the case prints. */
    async function runCase(what: string): Promise<readonly string[]> {
      const program = join(process.cwd(), 'test/netns/support/addon-cases.ts');
      return (await lab.exec('node', [...node, '--expose-gc', program, addon, what])).trim().split('\n');
    }

    test('reads the network as the one of this machine does', async () => {
      const native = new RemoteNetwork(lab, 'node');
      const emulated = new RemoteNetwork(lab, 'node', node, addon);
      try {
        const read = await emulated.read();
        expect(read.links.map((link) => link.name).sort()).toEqual([NIC, 'lo'].sort());
        expect(read).toEqual(await native.read());
      } finally {
        await native.close();
        await emulated.close();
      }
    });

    test('ends with its sockets, its workers and its memory as it should', async () => {
      expect(await runCase('unref')).toEqual(['ends']);
      expect(await runCase('ref')).toEqual(['still there']);
      expect(await runCase('worker')).toEqual(['workers ended']);
    });

    test('makes an exception of every wrong argument', async () => {
      const lines = await runCase('wrongUse');
      expect(lines[0]).toMatch(/^\d{3} calls, 0 sockets left open$/);
      expect(lines.slice(1, 4)).toEqual([
        'Error: netlink socket: Invalid argument',
        'Error: netlink socket: Bad file descriptor',
        'Error: announcing IPv6 addresses: Invalid argument',
      ]);
      expect(lines.at(-1)).toBe('closed: -1');
    });
  });

  test('makes a shim with address and route that is the very one that this machine makes', async () => {
    const made = await Promise.all([makeShim([process.execPath], undefined), makeShim(node, addon)]);
    expect(made[1]).toEqual(made[0]);
    expect(made[1]?.links.find((link) => link.name === 'mvs-test')).toMatchObject({
      kind: 'macvlan',
      mac: '02:5f:00:00:00:01',
      mtu: 1400,
      isUp: true,
      addressGeneration: 'None',
    });
    expect(made[1]?.routes.filter((route) => route.prefixLength === 32)).toMatchObject([
      { destination: '10.9.0.2', source: '10.9.0.1' },
    ]);
  });

  test('makes a shim where there is nothing that could filter what it sends', async () => {
    const lab = await startLan();
    const network = new RemoteNetwork(lab, 'node', node, addon);
    try {
      const { links } = await network.read();
      const parent = links.find((link) => link.name === NIC)?.ifindex ?? 0;
      const shim = { name: 'mvs-test', parent, mac: '02:5f:00:00:00:01', mtu: 1500 };
      expect(await network.apply([{ type: 'CreateMacvlan', ...shim }])).toEqual([]);
      const made = (await network.read()).links.find((link) => link.name === shim.name);
      expect(made?.egress).toBe('Open');
      const { ifindex = 0 } = made ?? {};
      expect(await network.apply([{ type: 'FilterEgress', ifindex, macs: ['02:aa:00:00:00:02'] }])).toEqual([]);
      expect((await network.read()).links.find((link) => link.name === shim.name)?.egress).toBeUndefined();
    } finally {
      await network.close();
      await lab.stop();
    }
  });
});

async function makeShim(node: readonly string[], addon: string | undefined): Promise<Network> {
  const lab = await startLan();
  const network = new RemoteNetwork(lab, 'node', node, addon);
  const apply = async (...changes: Change[]) => expect(await network.apply(changes)).toEqual([]);
  const indexOf = async (name: string) => (await network.read()).links.find((link) => link.name === name)?.ifindex ?? 0;
  try {
    const name = 'mvs-test';
    const parent = await indexOf(NIC);
    await apply({ type: 'CreateMacvlan', name, parent, mac: '02:5f:00:00:00:01', mtu: 1400 });
    const ifindex = await indexOf(name);
    await apply(
      { type: 'SetLink', ifindex, name, addressGeneration: 'None', arpFilter: true },
      { type: 'SetLink', ifindex, name, up: true },
      { type: 'AddAddress', ifindex, address: '10.9.0.1', prefixLength: 32 },
      { type: 'AddRoute', ifindex, destination: '10.9.0.2', prefixLength: 32, source: '10.9.0.1', metric: 0 },
    );
    return await network.read();
  } finally {
    await network.close();
    await lab.stop();
  }
}
