// etcd is restored from a backup while the controller runs: versions that it has seen never were, and what was made since is gone.
import { beforeAll, expect, test } from '@jest/globals';
import type { ControlPlane } from '../../support/control-plane.ts';
import { until } from '../../support/until.ts';
import { useIdentityWorld } from './use-world.ts';
import { HOME, type IdentityWorld, networksOf, type RunningController } from './world.ts';

const PATIENCE_MS = 60_000;

let world: IdentityWorld;
let plane: ControlPlane;
let controller: RunningController;
const opened = useIdentityWorld();

beforeAll(async () => {
  world = opened();
  ({ plane } = world);
  controller = await world.start();
  await world.attach('lan', { ipam: { type: 'Pool', pool: { ranges: [{ subnet: '192.0.2.0/29' }] } } });
}, 600_000);

const addressesOf = async (name: string) => {
  const [link] = networksOf(await world.bound(name, PATIENCE_MS));
  return [link?.mac, ...(link?.ips ?? [])];
};

test('pods and attachments that are made afterwards are looked after, and no address is with two of them', async () => {
  await world.makePod('before', { identity: 'before' });
  const before = await addressesOf('before');
  await controller.stop();
  await plane.backUp();
  controller = await world.start();
  // Lost with what was written since: many versions, and two identities with all they have.
  for (const name of ['lost-a', 'lost-b']) await world.makePod(name, { identity: name });
  const lost = [await addressesOf('lost-a'), await addressesOf('lost-b')];
  await world.attach('lost');
  for (let i = 0; i < 50; i++) await world.kubectl('-n', HOME, 'label', 'pod', 'before', `a=${i}`, '--overwrite');
  await plane.restore();
  // It sees by its Lease that the time went back, and ends; its Deployment starts it anew.
  await until('the controller has ended', () => !controller.app.leads(), PATIENCE_MS);
  await controller.stop();
  await world.start();
  expect(await world.pod('lost-a')).toBeUndefined();
  expect(await world.identity('lost-a')).toBeUndefined();

  await world.attach('later');
  await world.makePod('after', { networks: 'lan,later', identity: 'after' });
  const after = await addressesOf('after');
  // Names that were lost are asked for again: by the seed, they have what they had.
  for (const name of ['lost-a', 'lost-b']) await world.makePod(name, { identity: name });
  const again = [await addressesOf('lost-a'), await addressesOf('lost-b')];
  const all = [...before, ...after, ...again.flat()];
  expect(new Set(all).size).toBe(all.length);
  expect(again.map(([mac]) => mac)).toEqual(lost.map(([mac]) => mac));
  await until(
    'there is a claim for each address of a pod, and no other',
    async () => {
      const pods = await Promise.all(['before', 'after', 'lost-a', 'lost-b'].map((name) => world.bound(name)));
      const used = pods.flatMap((pod) => networksOf(pod).flatMap(({ mac = '', ips = [] }) => [mac, ...ips]));
      const claimed = (await world.claims()).map(({ spec }) => spec.address).toSorted();
      return String(claimed) === String(used.map((text) => text.replace(/\/.*/, '')).toSorted());
    },
    PATIENCE_MS,
  );
}, 300_000);
