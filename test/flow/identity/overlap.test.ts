// Two attachments on one LAN whose pools hold the same addresses: no address is given away twice, and the younger one is told.
import { beforeAll, expect, test } from '@jest/globals';
import { ATTACHMENT } from '../../../src/api/v1alpha1/attachment.ts';
import type { Ipam } from '../../../src/api/v1alpha1/ipam.ts';
import { until } from '../../support/until.ts';
import { writeNodeState } from '../controller/world.ts';
import { useIdentityWorld } from './use-world.ts';
import { type IdentityWorld, networksOf } from './world.ts';

let world: IdentityWorld;
const opened = useIdentityWorld();

const pool = (start: number, end: number): Ipam => ({
  type: 'Pool',
  pool: { ranges: [{ subnet: '192.0.2.0/24', start: `192.0.2.${start}`, end: `192.0.2.${end}` }] },
});

beforeAll(async () => {
  world = opened();
  await world.start();
  await world.attach('a-first', { pins: 'Allow', ipam: pool(10, 13) });
  await world.attach('b-second', { pins: 'Allow', ipam: pool(12, 15) });
  await world.attach('c-static', { pins: 'Allow', ipam: { type: 'Static' } });
  await world.attach('d-elsewhere', { ipam: pool(10, 13) });
  const on = (name: string, ifindex: number) =>
    ({ name, phase: 'Ready', interface: ifindex === 2 ? 'x' : 'y', ifindex, incarnation: `boot/${ifindex}` }) as const;
  const attachments = [on('a-first', 2), on('b-second', 2), on('c-static', 2), on('d-elsewhere', 3)];
  const nic = (name: string, ifindex: number, address: string) =>
    ({ name, ifindex, mac: `02:aa:00:00:00:0${ifindex}`, mtu: 1500, state: 'Up', addresses: [address] }) as const;
  const interfaces = [nic('x', 2, '192.0.2.18/24'), nic('y', 3, '192.0.2.17/24')];
  await writeNodeState(world.client, 'node-a', { attachments, interfaces });
}, 600_000);

async function warningOf(name: string): Promise<string | undefined> {
  const found = await world.client.get(ATTACHMENT, { name });
  const condition = found?.status?.conditions?.find(({ type }) => type === 'NoWarnings');
  return condition?.reason === 'PoolsOverlap' ? condition.message : undefined;
}

const ipOf = async (pod: string) => networksOf(await world.bound(pod))[0]?.ips?.[0];

test('the younger one is told, with what to change, and the older one and one on another LAN are not', async () => {
  const said = await until('the younger one says so', () => warningOf('b-second'));
  expect(said).toContain('holds addresses that MacvlanAttachment a-first gives away on the same LAN');
  expect(await warningOf('a-first')).toBeUndefined();
  expect(await warningOf('d-elsewhere')).toBeUndefined();
});

test('what both hold is given away by the older one only', async () => {
  for (const i of [0, 1]) await world.makePod(`young-${i}`, { networks: 'b-second' });
  const young = [await ipOf('young-0'), await ipOf('young-1')].toSorted();
  expect(young).toEqual(['192.0.2.14/24', '192.0.2.15/24']);
  await world.makePod('young-2', { networks: 'b-second' });
  expect(await world.told('young-2', 'PoolExhausted')).toContain('All IPv4 addresses of attachment b-second are taken');
});

test('an address that one identity has cannot be chosen on another attachment of the LAN, and one that was chosen is not given', async () => {
  const annotations = (ip: string) => ({ 'macvlan.dev/ip': ip });
  await world.makePod('pinned', { networks: 'c-static', annotations: annotations('192.0.2.11/24') });
  expect(await ipOf('pinned')).toBe('192.0.2.11/24');
  for (const i of [0, 1, 2]) await world.makePod(`old-${i}`, { networks: 'a-first' });
  const old = [await ipOf('old-0'), await ipOf('old-1'), await ipOf('old-2')].toSorted();
  expect(old).toEqual(['192.0.2.10/24', '192.0.2.12/24', '192.0.2.13/24']);

  await world.makePod('second-pin', { networks: 'c-static', annotations: annotations('192.0.2.14/24') });
  expect(await world.told('second-pin', 'PinTaken')).toContain(
    '192.0.2.14/24 belongs to MacvlanIdentity home/pod-young-',
  );
  await world.makePod('pin-in-pool', { networks: 'b-second', annotations: annotations('192.0.2.12') });
  expect(await world.told('pin-in-pool', 'PinTaken')).toContain(' belongs to MacvlanIdentity home/pod-old-');
});

test('on another LAN the same addresses are given away', async () => {
  for (const i of [0, 1, 2, 3]) await world.makePod(`other-${i}`, { networks: 'd-elsewhere' });
  const given = [await ipOf('other-0'), await ipOf('other-1'), await ipOf('other-2'), await ipOf('other-3')].toSorted();
  expect(given).toEqual(['192.0.2.10/24', '192.0.2.11/24', '192.0.2.12/24', '192.0.2.13/24']);
});

test('the address of a node on the LAN is neither given away nor can it be chosen', async () => {
  await world.client.mergePatch(ATTACHMENT, { name: 'd-elsewhere' }, { spec: { ipam: pool(17, 18) } });
  await world.makePod('beside', { networks: 'd-elsewhere' });
  expect(await ipOf('beside')).toBe('192.0.2.18/24');
  await world.makePod('no-more', { networks: 'd-elsewhere' });
  await world.told('no-more', 'PoolExhausted');
  await world.makePod('node-pin', { networks: 'c-static', annotations: { 'macvlan.dev/ip': '192.0.2.18/24' } });
  expect(await world.told('node-pin', 'PinInvalid')).toContain('192.0.2.18 belongs to a NIC of a node');
});

test('once the pools are apart, nobody is warned, and pods that waited are bound', async () => {
  await world.client.mergePatch(ATTACHMENT, { name: 'b-second' }, { spec: { ipam: pool(14, 20) } });
  expect(await ipOf('young-2')).toMatch(/^192\.0\.2\.(1[679]|20)\/24$/);
  await until('the warning has gone', async () => (await warningOf('b-second')) === undefined);
});
