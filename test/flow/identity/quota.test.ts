// A pod that is over the quota of identities waits, and does nothing else.
import { beforeAll, expect, test } from '@jest/globals';
import type { FaultProxy } from '../../support/fault-proxy.ts';
import { until } from '../../support/until.ts';
import { exhaustQuota } from './quota.ts';
import { useProxiedWorld } from './use-world.ts';
import { HOME, type IdentityWorld, networksOf, POOL } from './world.ts';

let world: IdentityWorld;
let proxy: FaultProxy;
const opened = useProxiedWorld();

beforeAll(async () => {
  ({ world, proxy } = opened());
  await world.start({ url: proxy.url });
  await world.attach('lan', POOL);
}, 600_000);

test('it has no claims, asks for none while it waits, and has all that it needs when there is room', async () => {
  const claiming = () =>
    proxy.requests.filter(({ method, path }) => method !== 'GET' && path.includes('macvlanclaims'));
  await exhaustQuota(world, HOME);
  for (const name of ['one', 'other']) {
    await world.makePod(name);
    await world.told(name, 'QuotaExceeded');
  }
  await until('no claim is left', async () => (await world.claims()).length === 0);
  const before = claiming().length;
  await new Promise((resolve) => setTimeout(resolve, 5000));
  // What was on its way may still have come; without end, there would be hundreds.
  expect(claiming().length - before).toBeLessThan(10);
  expect(await world.claims()).toEqual([]);

  await world.kubectl('-n', HOME, 'delete', 'resourcequota', 'q');
  for (const name of ['one', 'other']) {
    await world.kubectl('-n', HOME, 'label', 'pod', name, 'a=b'); // sooner than in half a minute
    const [link] = networksOf(await world.bound(name, 60_000));
    expect((await world.identity(`pod-${name}`))?.spec.attachments).toEqual([
      { attachment: 'lan', index: 0, mac: link?.mac, ips: link?.ips },
    ]);
  }
  expect(await world.claims()).toHaveLength(4);
}, 120_000);
