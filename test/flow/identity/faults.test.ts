// A binding that is broken off between any two of its requests is completed afterwards: nothing leaks, nobody gets it twice.
import { beforeAll, describe, expect, test } from '@jest/globals';
import type { Pod } from '../../../src/api/kube.ts';
import type { Fault, FaultProxy, SeenRequest } from '../../support/fault-proxy.ts';
import { until } from '../../support/until.ts';
import { useProxiedWorld } from './use-world.ts';
import { HOME, type IdentityWorld, networksOf, type RunningController } from './world.ts';

let world: IdentityWorld;
let proxy: FaultProxy;
let first: RunningController;
const opened = useProxiedWorld();

beforeAll(async () => {
  ({ world, proxy } = opened());
  first = await world.start({ url: proxy.url });
  const ranges = [{ subnet: '192.0.2.0/24', gateway: '192.0.2.1' }];
  await world.attach('lan', { ipam: { type: 'Pool', pool: { ranges } } });
}, 600_000);

type Matches = (request: SeenRequest) => boolean;

/** Every request of a binding, in order. */
const REQUESTS: readonly (readonly [string, Matches])[] = [
  ['a claim', ({ method, path }) => method === 'POST' && path.endsWith('/macvlanclaims')],
  ['making the identity', ({ method, path }) => method === 'POST' && path.endsWith('/macvlanidentities')],
  ['its holder', ({ method, path }) => method === 'PATCH' && /macvlanidentities\/.*\/status$/.test(path)],
  ['binding the pod', ({ method, path }) => method === 'PATCH' && /\/pods\/[^/]*$/.test(path)],
];

/** The request never comes to the server, or it does and its answer gets lost. */
const FAULTS: readonly (readonly [string, Fault])[] = [
  ['is refused', { type: 'status', code: 500 }],
  ['meets a conflict', { type: 'status', code: 409, reason: 'Conflict' }],
  ['never arrives', { type: 'reset', afterLines: 0 }],
  ['is done and its answer is lost', { type: 'lost-answer' }],
];

const cases = REQUESTS.flatMap(([what, matches]) => FAULTS.map(([how, fault]) => ({ what, how, matches, fault })));

describe('a binding is completed when', () => {
  let count = 0;

  test.each(cases)('$what $how', async ({ matches, fault }) => {
    count += 1;
    const name = `pod-${count}`;
    proxy.inject(matches, fault);
    await world.makePod(name);
    const [link] = networksOf(await world.bound(name));
    proxy.clear();
    const identity = await world.identity(`pod-${name}`);
    expect(identity?.spec.attachments).toEqual([{ attachment: 'lan', index: 0, mac: link?.mac, ips: link?.ips }]);
    expect(identity?.status?.holder?.pod).toBe(name);
  });

  test('everything goes wrong once: each pod has its own addresses, and there is one claim for each and no more', async () => {
    const names = Array.from({ length: 12 }, (_, i) => `storm-${i}`);
    for (const { matches, fault } of cases) proxy.inject(matches, fault, 2);
    await Promise.all(names.map((name) => world.makePod(name)));
    for (const name of names) await world.bound(name, 30_000);
    proxy.clear();
    const { stdout } = await world.plane.kubectl(['-n', HOME, 'get', 'pods', '-o', 'json']);
    const pods = JSON.parse(stdout).items as readonly Pod[];
    const addresses = pods.flatMap((pod) => networksOf(pod).flatMap(({ mac = '', ips = [] }) => [mac, ...ips]));
    expect(new Set(addresses).size).toBe(addresses.length);
    expect(addresses.length).toBe(2 * pods.length);
    const unused = await until('no claim is left over', async () => {
      const claimed = (await world.claims()).map(({ spec }) => spec.address).toSorted();
      const wanted = addresses.map((address) => address.replace('/24', '')).toSorted();
      return claimed.length === wanted.length ? { claimed, wanted } : undefined;
    });
    expect(unused?.claimed).toEqual(unused?.wanted);
  }, 60_000);
});

describe('two controllers', () => {
  test('give no identity to two pods when the second takes over in the middle of many bindings', async () => {
    const second = await world.start({ as: 'Standby' });
    // Ten pods ask for each of three identities.
    const names = Array.from({ length: 30 }, (_, i) => `many-${i}`);
    await Promise.all(names.map((name, i) => world.makePod(name, { identity: `shared-${i % 3}` })));
    await first.stop();
    await until('the second leads', () => second.app.leads());
    await until('every identity has one pod', async () => {
      const bound = await boundIdentities('many-');
      expect(new Set(bound).size).toBe(bound.length);
      return bound.length === 3;
    });
  }, 60_000);
});

async function boundIdentities(prefix: string): Promise<readonly (string | undefined)[]> {
  const { stdout } = await world.plane.kubectl([
    '-n',
    HOME,
    'get',
    'pods',
    '-l',
    'macvlan.dev/gated=bound',
    '-o',
    'json',
  ]);
  const pods = JSON.parse(stdout).items as readonly Pod[];
  const named = pods.filter(({ metadata }) => metadata.name.startsWith(prefix));
  return named.map(({ metadata }) => metadata.annotations?.['macvlan.dev/bound']);
}
