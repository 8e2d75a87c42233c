// API faults where a binding begins and where an identity ends: at the seed, at the pod's patch, and when addresses are given up.
import { beforeAll, describe, expect, test } from '@jest/globals';
import { SECRET } from '../../../src/api/kube.ts';
import { IDENTITY } from '../../../src/api/v1alpha1/identity.ts';
import type { Fault, FaultProxy, SeenRequest } from '../../support/fault-proxy.ts';
import { until } from '../../support/until.ts';
import { NAMESPACE } from '../chart/accounts.ts';
import { useProxiedWorld } from './use-world.ts';
import { HOME, type IdentityWorld, MAC, networksOf, type RunningController } from './world.ts';

const LONG_MS = 60_000;
const SEED = { namespace: NAMESPACE, name: 'macvlan-identity-seed' };

let world: IdentityWorld;
let proxy: FaultProxy;
let controller: RunningController;
const opened = useProxiedWorld();

beforeAll(async () => {
  ({ world, proxy } = opened());
  controller = await world.start({ url: proxy.url });
  await world.attach('lan');
  // One address that can be given: .1 is the gateway's.
  const ranges = [{ subnet: '192.0.2.0/24', start: '192.0.2.1', end: '192.0.2.2', gateway: '192.0.2.1' }];
  await world.attach('tiny', { ipam: { type: 'Pool', pool: { ranges } } });
}, 600_000);

/** Done by the server, or not; and the controller knows, or does not. */
const FAULTS: readonly (readonly [string, Fault])[] = [
  ['is refused', { type: 'status', code: 500 }],
  ['meets a conflict', { type: 'status', code: 409, reason: 'Conflict' }],
  ['never arrives', { type: 'reset', afterLines: 0 }],
  ['is done and its answer is lost', { type: 'lost-answer' }],
];

type Matches = (request: SeenRequest) => boolean;

async function restart(): Promise<void> {
  await controller.stop();
  controller = await world.start({ url: proxy.url });
}

describe('the seed', () => {
  const reading: Matches = ({ method, path }) => method === 'GET' && path.endsWith(`/secrets/${SEED.name}`);
  const making: Matches = ({ method, path }) => method === 'POST' && path.endsWith('/secrets');

  async function end(name: string): Promise<void> {
    await world.forceDelete(name); // it was never sent to a node
    await world.client.delete(IDENTITY, { namespace: HOME, name });
    await until('nothing is left of it', async () => (await world.claims()).length === 0);
  }

  test.each([
    ...FAULTS.map(([how, fault]) => ({ what: 'reading it', how, fault, matches: reading })),
    ...FAULTS.map(([how, fault]) => ({ what: 'making it', how, fault, matches: making })),
  ])(
    'is one seed for all when $what $how',
    async ({ what, how, fault, matches }) => {
      const name = `seed-${what}-${how}`.replaceAll(/[^a-z]/g, '').slice(0, 40);
      const isNew = matches === making;
      if (isNew) await world.client.delete(SECRET, SEED);
      await restart(); // who has read it once asks no more
      proxy.inject(matches, fault, 2);
      await world.makePod(name, { identity: name });
      const [link] = networksOf(await world.bound(name, LONG_MS));
      expect(link?.mac).toMatch(MAC);
      proxy.clear();
      // Another controller derives the same address from what is in the Secret now.
      await end(name);
      await restart();
      await world.makePod(name, { identity: name });
      expect(networksOf(await world.bound(name, LONG_MS))[0]?.mac).toBe(link?.mac);
      await end(name); // a seed is made only where nothing follows from one
    },
    120_000,
  );
});

describe('the patch that binds the pod', () => {
  const binding: Matches = ({ method, path }) => method === 'PATCH' && /\/pods\/[^/]*$/.test(path);

  test.each(FAULTS)(
    '%s: the pod is bound once, and the gate of another controller stays',
    async (how, fault) => {
      const name = `patch-${how.replaceAll(/[^a-z]/g, '')}`;
      proxy.inject(binding, fault, 2);
      await world.makePod(name, { spec: { schedulingGates: [{ name: 'a.example/one' }, { name: 'b.example/two' }] } });
      const pod = await world.bound(name, LONG_MS);
      proxy.clear();
      expect(pod.spec.schedulingGates).toEqual([{ name: 'a.example/one' }, { name: 'b.example/two' }]);
      const identity = await world.identity(`pod-${name}`);
      expect(identity?.status?.holder).toMatchObject({ pod: name, uid: pod.metadata.uid });
      const own = (await world.claims()).filter(({ spec }) => spec.identity.name === `pod-${name}`);
      expect(own.map(({ spec }) => spec.address)).toEqual([networksOf(pod)[0]?.mac]);
    },
    120_000,
  );
});

describe('the end of an identity', () => {
  const deletionOf =
    (plural: string): Matches =>
    ({ method, path }) =>
      method === 'DELETE' && path.includes(`/${plural}/`);
  const status: Matches = ({ method, path }) => method === 'PATCH' && /macvlanidentities\/.*\/status$/.test(path);
  let round = 0;

  test.each([
    ...FAULTS.map(([how, fault]) => ({
      what: 'the deletion of a claim',
      how,
      fault,
      matches: deletionOf('macvlanclaims'),
    })),
    ...FAULTS.map(([how, fault]) => ({
      what: 'the deletion of the identity',
      how,
      fault,
      matches: deletionOf('macvlanidentities'),
    })),
    ...FAULTS.map(([how, fault]) => ({ what: 'the note that it is free', how, fault, matches: status })),
  ])(
    'gives its only address to the next when $what $how',
    async ({ fault, matches }) => {
      round += 1;
      const [one, other] = [`end-${round}`, `next-${round}`];
      await world.makePod(one, { networks: 'tiny', identity: one });
      await world.bound(one, LONG_MS);
      await world.makePod(other, { networks: 'tiny', identity: other });
      await world.told(other, 'PoolExhausted');
      proxy.inject(matches, fault, 3);
      const reclaim = { spec: { reclaim: { type: 'Delete', after: '0s' } } };
      for (const name of [one, other]) await world.client.mergePatch(IDENTITY, { namespace: HOME, name }, reclaim);
      await world.forceDelete(one); // it was never sent to a node
      const pod = await world.bound(other, LONG_MS);
      proxy.clear();
      expect(networksOf(pod)[0]?.ips).toEqual(['192.0.2.2/24']);
      const owners = (await world.claims())
        .filter(({ spec }) => spec.attachment === 'tiny')
        .map(({ spec }) => spec.identity.name);
      expect(new Set(owners)).toEqual(new Set([other]));
      expect(await world.identity(one)).toBeUndefined();

      await world.forceDelete(other);
      await until(
        'nothing is left',
        async () => !(await world.claims()).some(({ spec }) => spec.attachment === 'tiny'),
        LONG_MS,
      );
    },
    180_000,
  );
});
