// Where addresses are few and many ask at once: each identity has its own, whatever the seed makes of their names.
import { beforeAll, expect, test } from '@jest/globals';
import { CLAIM } from '../../../src/api/v1alpha1/claim.ts';
import { IDENTITY } from '../../../src/api/v1alpha1/identity.ts';
import { until } from '../../support/until.ts';
import { useIdentityWorld } from './use-world.ts';
import { HOME, type IdentityWorld, networksOf } from './world.ts';

/** The longest prefix there is: 256 addresses are under it, so that among so many pods names meet. */
const PREFIX = '02:4d:00:00:00';
const PODS = 24;

let world: IdentityWorld;
const opened = useIdentityWorld();

beforeAll(async () => {
  world = opened();
  await world.start();
}, 600_000);

test('as many pods as a pool has addresses get one each, and a MAC address each, and the next one waits', async () => {
  const ranges = [{ subnet: '192.0.2.0/24', start: '192.0.2.10', end: `192.0.2.${10 + PODS - 1}` }];
  await world.attach('tiny', { identity: { macPrefix: PREFIX }, ipam: { type: 'Pool', pool: { ranges } } });
  const names = Array.from({ length: PODS }, (_, i) => `crowd-${i}`);
  await Promise.all(names.map((name) => world.makePod(name, { networks: 'tiny' })));
  const links = [];
  for (const name of names) links.push(networksOf(await world.bound(name, 60_000))[0]);
  expect(new Set(links.map((link) => link?.mac)).size).toBe(PODS);
  expect(links.every((link) => link?.mac?.startsWith(`${PREFIX}:`))).toBe(true);
  const wanted = names.map((_, i) => `192.0.2.${10 + i}/24`);
  expect(links.flatMap((link) => link?.ips ?? []).toSorted()).toEqual(wanted.toSorted());
  await world.makePod('late', { networks: 'tiny' });
  expect(await world.told('late', 'PoolExhausted')).toContain('All IPv4 addresses of attachment tiny are taken');
}, 120_000);

test('a pod waits while all MAC addresses under the prefix are taken, and gets the one that is given up', async () => {
  const macPrefix = '02:4d:00:00:01';
  await world.attach('full', { identity: { macPrefix } });
  const identity = { namespace: HOME, name: 'hoard' };
  await world.client.create(IDENTITY, { metadata: identity, spec: {} });
  const octets = Array.from({ length: 256 }, (_, i) => i.toString(16).padStart(2, '0'));
  const nameOf = (octet: string) => `mac-${macPrefix.replaceAll(':', '-')}-${octet}`;
  for (const octet of octets) {
    const spec = { address: `${macPrefix}:${octet}`, attachment: 'full', identity };
    await world.client.create(CLAIM, { metadata: { name: nameOf(octet) }, spec });
  }
  await until('all are there', async () => (await world.claims()).length >= 256);
  await world.makePod('shut-out', { networks: 'full' });
  expect(await world.told('shut-out', 'MacsExhausted')).toContain('256 MAC addresses in a row are taken');
  await world.client.delete(CLAIM, { name: nameOf('7f') });
  expect(networksOf(await world.bound('shut-out'))[0]?.mac).toBe(`${macPrefix}:7f`);
}, 120_000);
