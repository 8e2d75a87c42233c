// A cluster that is built anew has the devices of the one before: with the seed alone, or with the identities that were exported.
// Two clusters side by side, each with its own etcd and the real controller.
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { DEPLOYMENT, SECRET } from '../../../src/api/kube.ts';
import { IDENTITY } from '../../../src/api/v1alpha1/identity.ts';
import { startControlPlane } from '../../support/control-plane.ts';
import { until } from '../../support/until.ts';
import { NAMESPACE } from '../chart/accounts.ts';
import { HOME, IdentityWorld, networksOf } from './world.ts';

const SEED = { namespace: NAMESPACE, name: 'macvlan-identity-seed' };
/** Fixed, so that whether two of the pool's addresses meet is not left to chance. */
const SEEDS = { old: Buffer.alloc(32, 7), other: Buffer.alloc(32, 9) };
const POOL = {
  type: 'Pool',
  pool: { ranges: [{ subnet: '192.0.2.0/24', gateway: '192.0.2.1' }, { subnet: 'fd00:1::/64' }] },
} as const;
const HASH = { 'pod-template-hash': '5d4f' };

const worlds: IdentityWorld[] = [];
afterAll(async () => {
  for (const world of worlds) {
    await world.stopAll();
    await world.plane.stop();
  }
}, 60_000);

/** A cluster as an administrator sets it up again: chart, seed and LANs, before any workload. */
async function build(seed: Buffer | undefined): Promise<IdentityWorld> {
  const world = new IdentityWorld(await startControlPlane());
  worlds.push(world);
  await world.install();
  if (seed !== undefined) {
    await world.client.create(SECRET, { metadata: SEED, data: { seed: seed.toString('base64') } });
  }
  await world.start();
  await world.attach('lan');
  await world.attach('pool', { pins: 'Allow', ipam: POOL, identity: { macPrefix: '02:4d' } });
  return world;
}

/** The workloads, whose pods have other names and uids each time, and come in another order; what each is given, by identity. */
async function deploy(
  world: IdentityWorld,
  suffix: string,
  names: readonly string[],
): Promise<Record<string, unknown>> {
  const template = { metadata: { labels: { app: 'x' } }, spec: { containers: [{ name: 'c', image: 'none' }] } };
  const spec = { replicas: 2, selector: { matchLabels: { app: 'x' } }, template };
  await world.client.create(DEPLOYMENT, { metadata: { name: 'web', namespace: HOME }, spec });
  for (const name of names) {
    if (name.startsWith('web')) {
      await world.makePod(`${name}-${suffix}`, {
        networks: 'pool',
        labels: HASH,
        owner: { kind: 'ReplicaSet', name: 'web-5d4f' },
      });
    } else await world.makePod(name, { networks: 'lan,pool', owner: { kind: 'StatefulSet', name: 'db' } });
  }
  await world.makePod(`any-${suffix}`, { networks: 'lan', identity: 'vip' });
  await world.makePod(`fixed-${suffix}`, {
    networks: 'pool',
    identity: 'fixed',
    annotations: { 'macvlan.dev/ip': '192.0.2.77' },
  });
  const pods = [...names.map((name) => (name.startsWith('web') ? `${name}-${suffix}` : name)), `any-${suffix}`];
  const given: Record<string, unknown> = {};
  for (const name of [...pods, `fixed-${suffix}`]) {
    const pod = await world.bound(name);
    given[pod.metadata.annotations?.['macvlan.dev/bound'] ?? ''] = networksOf(pod);
  }
  return given;
}

const NAMES = ['db-0', 'db-1', 'db-2', 'web-a', 'web-b'];
let old: IdentityWorld;
let before: Record<string, unknown>;

beforeAll(async () => {
  old = await build(SEEDS.old);
  before = await deploy(old, 'old', NAMES);
}, 900_000);

describe('with the seed alone', () => {
  test('every identity has its MAC addresses again, and its addresses of the pool', async () => {
    const world = await build(SEEDS.old);
    const after = await deploy(world, 'new', NAMES.toReversed());
    expect(after).toEqual(before);
    expect(Object.keys(after)).toHaveLength(7);
  }, 300_000);
});

describe('from what was exported', () => {
  let world: IdentityWorld;

  beforeAll(async () => {
    world = await build(SEEDS.other);
    const exported = await old.kubectl('get', 'mvc,mvi', '-A', '-o', 'yaml');
    const { code, stderr } = await world.plane.kubectl(['apply', '-f', '-'], { input: exported ?? '' });
    expect({ code, stderr }).toMatchObject({ code: 0 });
  }, 300_000);

  test('the identities are free: whoever held them was of another cluster', async () => {
    for (const name of Object.keys(before)) {
      const identity = await until(`${name} has a phase`, async () => {
        const found = await world.identity(name);
        return found?.status?.phase === undefined ? undefined : found;
      });
      expect(identity?.status).toMatchObject({ phase: 'Free' });
      expect(identity?.status?.holder).toBeUndefined();
    }
  });

  test('each goes to its workload with all its addresses, whatever the seed is', async () => {
    expect(await deploy(world, 'new', NAMES.toReversed())).toEqual(before);
  }, 120_000);

  test('one that came with its status is free as well, since the node of its holder is not here', async () => {
    const name = 'came-with-status';
    await world.client.create(IDENTITY, { metadata: { namespace: HOME, name }, spec: {} });
    const holder = { pod: 'x-0', uid: 'of-another-cluster', node: 'node-of-another-cluster' };
    const status = { phase: 'Bound', holder };
    await world.client.mergePatch(IDENTITY, { namespace: HOME, name }, { status }, { subresource: 'status' });
    await until('it is free', async () => {
      const found = await world.identity(name);
      return found?.status?.holder === undefined && found?.status?.phase === 'Free';
    });
  });
});

describe('with a seed that was lost', () => {
  test('no other one is made: identities keep what they have, new ones wait and say why, until it is restored', async () => {
    await Promise.all([old.stopControllers(), old.client.delete(SECRET, SEED)]);
    await old.start();
    await old.schedule('db-0', 'node-a');
    await old.endPod('db-0');
    await old.makePod('db-0', { networks: 'lan,pool', owner: { kind: 'StatefulSet', name: 'db' } });
    expect(networksOf(await old.bound('db-0'))).toEqual(before['statefulset-db-0']);

    await old.makePod('newcomer');
    expect(await old.told('newcomer', 'SeedLost')).toContain(`Secret ${NAMESPACE}/${SEED.name} is missing`);
    await until('its identity says so', async () => {
      const found = await old.identity('pod-newcomer');
      return found?.status?.conditions?.some(({ type, reason }) => type === 'Waiting' && reason === 'SeedLost');
    });
    expect(await old.client.get(SECRET, SEED)).toBeUndefined();

    await old.client.create(SECRET, { metadata: SEED, data: { seed: SEEDS.old.toString('base64') } });
    await old.bound('newcomer', 60_000);
  }, 180_000);
});
