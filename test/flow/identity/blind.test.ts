// The watch of identities, or that of claims, is broken for longer than the controller remembers its own writes: what it does not see is
// not taken for gone, and what really went meanwhile comes back.
import { beforeAll, describe, expect, test } from '@jest/globals';
import { CLAIM } from '../../../src/api/v1alpha1/claim.ts';
import { IDENTITY } from '../../../src/api/v1alpha1/identity.ts';
import type { FaultProxy } from '../../support/fault-proxy.ts';
import { until } from '../../support/until.ts';
import { exhaustQuota } from './quota.ts';
import { useProxiedWorld } from './use-world.ts';
import { HOME, type IdentityWorld, networksOf, POOL } from './world.ts';

/** The controller looks again at what it wrote and was not shown after ten seconds. */
const FORGOTTEN_MS = 11_000;
const PATIENCE_MS = 45_000;

let world: IdentityWorld;
let proxy: FaultProxy;
const opened = useProxiedWorld();

beforeAll(async () => {
  ({ world, proxy } = opened());
  await world.start({ url: proxy.url });
  await world.attach('lan', POOL);
}, 600_000);

/** From now on the controller sees nothing of that kind, until it is told to list it again. */
async function blind(kind: string): Promise<() => void> {
  proxy.inject(
    ({ isWatch, path }) => isWatch && path.endsWith(kind),
    { type: 'status', code: 503 },
    Number.POSITIVE_INFINITY,
  );
  const seen = proxy.requests.length;
  proxy.resetWatches();
  const isTried = (end: string) =>
    proxy.requests.slice(seen).some(({ isWatch, path }) => isWatch && path.endsWith(end));
  for (const end of [kind, '/pods']) await until(`a new watch of ${end}`, () => isTried(end), PATIENCE_MS);
  return () => {
    proxy.clear();
    proxy.inject(({ isWatch, path }) => isWatch && path.endsWith(kind), { type: 'in-band', code: 410 });
  };
}

const claimsOf = async (identity: string) =>
  (await world.claims()).filter(({ spec }) => spec.identity.name === identity).map(({ metadata }) => metadata.name);
const forgotten = () => new Promise((resolve) => setTimeout(resolve, FORGOTTEN_MS));

describe('while identities cannot be seen', () => {
  test('one that somebody deletes under its pod is made again', async () => {
    const see = await blind('/macvlanidentities');
    await world.makePod('lost', { identity: 'lost' });
    await world.bound('lost');
    await world.client.delete(IDENTITY, { namespace: HOME, name: 'lost' });
    const again = await until(
      'it is there again',
      async () => {
        const found = await world.identity('lost');
        return found?.status?.holder === undefined ? undefined : found;
      },
      PATIENCE_MS,
    );
    expect(again?.status?.holder?.pod).toBe('lost');
    see();
  }, 90_000);

  test('one that nobody holds keeps its addresses, also when a quota stands against making another one', async () => {
    const see = await blind('/macvlanidentities');
    await world.makePod('first', { identity: 'kept' });
    const [link] = networksOf(await world.bound('first'));
    const claims = await claimsOf('kept');
    expect(claims).toHaveLength(2);
    await forgotten();
    await world.schedule('first', 'node-a');
    await world.endPod('first');
    // Another pod of that group has had its turn: by then, so has the end of the first one.
    await exhaustQuota(world, HOME);
    await world.makePod('second', { identity: 'kept' });
    await world.told('second', 'QuotaExceeded');
    expect(await claimsOf('kept')).toEqual(claims);
    await world.kubectl('-n', HOME, 'delete', 'resourcequota', 'q');
    see();
    expect(networksOf(await world.bound('second', PATIENCE_MS))[0]).toEqual(link);
  }, 120_000);

  test('one that nobody holds and nobody asks for keeps its addresses', async () => {
    const see = await blind('/macvlanidentities');
    await world.makePod('third', { identity: 'idle' });
    await world.bound('third');
    const claims = await claimsOf('idle');
    await forgotten();
    await world.schedule('third', 'node-a');
    await world.endPod('third');
    await world.makePod('other', { identity: 'other' }); // has its turn afterwards
    await world.bound('other');
    expect(await claimsOf('idle')).toEqual(claims);
    see();
    await until('it is free', async () => (await world.identity('idle'))?.status?.phase === 'Free', PATIENCE_MS);
    expect(await claimsOf('idle')).toEqual(claims);
  }, 120_000);
});

test('while claims cannot be seen, one that somebody deletes under its pod is made again', async () => {
  const see = await blind('/macvlanclaims');
  await world.makePod('robbed', { identity: 'robbed' });
  await world.bound('robbed');
  const claims = await claimsOf('robbed');
  expect(claims).toHaveLength(2);
  await world.client.delete(CLAIM, { name: claims[0] ?? '' });
  await until('both are there', async () => String(await claimsOf('robbed')) === String(claims), PATIENCE_MS);
  see();
}, 90_000);
