import { mkdirSync, mkdtempSync, renameSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { DHCP_SOCKET } from '../../../src/api/names.ts';
import { ClientCache } from '../../../src/dhcp/client-cache.ts';

let root: string;
let cache: ClientCache;

const folder = () => join(root, 'results');
const file = (container: string) => join(folder(), `lan-${container}-net1`);

function write(container: string, address = '192.0.2.7/24'): void {
  const config = { cniVersion: '1.0.0', type: 'macvlan', ipam: { type: 'dhcp', daemonSocketPath: DHCP_SOCKET } };
  const text = JSON.stringify({
    containerId: container,
    networkName: 'lan',
    ifName: 'net1',
    netns: `/${container}`,
    config: Buffer.from(JSON.stringify(config)).toString('base64'),
    result: { ips: [{ address }] },
  });
  writeFileSync(join(root, container), '');
  writeFileSync(file(container), text);
}

const read = async () => [...(await cache.read()).values()].map(({ container, address }) => `${container} ${address}`);

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'dhcp-cache-'));
  mkdirSync(folder());
  cache = new ClientCache(folder(), root);
});

afterEach(() => rmSync(root, { recursive: true }));

test('links of pods whose namespace is there are found, and gone with it or with their file', async () => {
  write('a');
  write('b');
  expect(await read()).toEqual(['a 192.0.2.7/24', 'b 192.0.2.7/24']);
  rmSync(join(root, 'a'));
  expect(await read()).toEqual(['b 192.0.2.7/24']);
  rmSync(file('b'));
  expect(await read()).toEqual([]);
});

test('a file that was not written again is not read again, and one that was is', async () => {
  write('a');
  const [first] = (await cache.read()).values();
  expect((await cache.read()).get('a/lan/net1')).toBe(first);
  write('a', '192.0.2.8/24');
  utimesSync(file('a'), 1, 1);
  expect(await read()).toEqual(['a 192.0.2.8/24']);
});

test('without the folder nobody has a link', async () => {
  write('a');
  await read();
  rmSync(folder(), { recursive: true });
  expect(await read()).toEqual([]);
});

test('a folder that cannot be read now is no news of anybody', async () => {
  write('a');
  await read();
  renameSync(folder(), `${folder()}.away`);
  writeFileSync(folder(), 'no folder');
  expect(await read()).toEqual(['a 192.0.2.7/24']);
});
