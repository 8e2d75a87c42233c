import { beforeEach, describe, expect, test } from '@jest/globals';
import Registry from 'prom-client/lib/registry.js';
import type { Pod } from '../../../../src/api/kube.ts';
import type { MacvlanIdentity } from '../../../../src/api/v1alpha1/identity.ts';
import { Conflicts } from '../../../../src/controller/identity/conflict-sight.ts';
import { registerIdentityMetrics } from '../../../../src/controller/identity/metrics.ts';
import { WaitingPods } from '../../../../src/controller/identity/waiting-pods.ts';
import { createStores, type Stores } from '../../../../src/controller/stores.ts';
import { claimFor } from '../../../../src/domain/identity/claims.ts';
import { attachment } from '../../../support/builders.ts';
import { FakeClock } from '../../../support/fake-clock.ts';
import { boundPod, waitingPod } from '../../../support/identity.ts';
import { metricSum } from '../../../support/metrics-text.ts';

let stores: Stores;
let registry: Registry;
let clock: FakeClock;
let waiting: WaitingPods;
let conflicts: Conflicts;
let isLeader: boolean;
let version = 0;

/** The object with a version of its own, as the API server gives one to each write. */
function next<T extends { metadata: object }>(object: T): T {
  version += 1;
  return { ...object, metadata: { ...object.metadata, resourceVersion: String(version) } };
}

beforeEach(() => {
  stores = createStores();
  registry = new Registry();
  clock = new FakeClock();
  waiting = new WaitingPods(stores.pods, clock);
  conflicts = new Conflicts(stores);
  isLeader = true;
  registerIdentityMetrics(registry, { stores, waiting, conflicts, leads: () => isLeader });
});

const metric = async (name: string, labels: Readonly<Record<string, string>> = {}) =>
  metricSum(await registry.metrics(), name, labels);

test('identities are counted by phase', async () => {
  const identity = (name: string, phase?: 'Bound' | 'Free'): MacvlanIdentity => ({
    metadata: { name, namespace: 'home' },
    spec: {},
    ...(phase === undefined ? {} : { status: { phase } }),
  });
  for (const one of [identity('a', 'Bound'), identity('b', 'Bound'), identity('c')])
    stores.identities.upsert(next(one));
  expect(await metric('macvlan_identities', { phase: 'Bound' })).toBe(2);
  expect(await metric('macvlan_identities', { phase: 'New' })).toBe(1);
  expect(await registry.metrics()).toContain('macvlan_identities{phase="Waiting"} 0');
});

describe('pods that wait', () => {
  const wait = (pod: Pod) => ({ pod, identity: 'x', reason: 'PoolExhausted', message: '', remedy: '' }) as const;
  const count = (reason: string) => metric('macvlan_identity_waiting_pods', { reason });

  test('are counted by the reason that was last found', async () => {
    const pods = [waitingPod('a'), waitingPod('b')];
    for (const pod of pods) stores.pods.upsert(next(pod));
    expect(await count('Pending')).toBe(2);
    waiting.note(pods.slice(0, 1).map(wait));
    expect([await count('Pending'), await count('PoolExhausted')]).toEqual([1, 1]);
    stores.pods.remove('home/a');
    expect([await count('Pending'), await count('PoolExhausted')]).toEqual([1, 0]);
  });

  test('are told by the leader only', async () => {
    stores.pods.upsert(next(waitingPod('a')));
    isLeader = false;
    expect(await count('Pending')).toBe(0);
  });

  test('are timed from when they were first seen until they are bound', async () => {
    stores.pods.upsert(next(waitingPod('a')));
    await clock.advance(1500);
    stores.pods.upsert(next(waitingPod('a')));
    await clock.advance(500);
    stores.pods.upsert(next(boundPod('a', 'pod-a')));
    stores.pods.upsert(next(boundPod('a', 'pod-a')));
    stores.pods.upsert(next(boundPod('b', 'pod-b'))); // was bound before this process saw it
    expect(await metric('macvlan_identity_binding_seconds_count')).toBe(1);
    expect(await metric('macvlan_identity_binding_seconds_sum')).toBe(2);
  });

  test('that go away unbound are not timed', async () => {
    stores.pods.upsert(next(waitingPod('a')));
    stores.pods.remove('home/a');
    expect(await metric('macvlan_identity_binding_seconds_count')).toBe(0);
  });
});

test('a pool is told by what is used and what is free, per family, whoever may have its addresses', async () => {
  const ranges = [{ subnet: '192.0.2.0/28', gateway: '192.0.2.1', exclude: ['192.0.2.8/30'] }, { subnet: 'fd00::/64' }];
  stores.attachments.upsert(next(attachment({ spec: { ipam: { type: 'Pool', pool: { ranges } } } })));
  const claims = ['192.0.2.5', '192.0.2.1', '198.51.100.9', '02:4d:00:00:00:01'];
  const owner = { namespace: 'home', name: 'pod-a' };
  for (const address of claims) stores.claims.upsert(next(claimFor({ address, attachment: 'lan' }, owner)));
  const pool = (family: string, state: string) =>
    metric('macvlan_pool_addresses', { attachment: 'lan', family, state });
  // Of sixteen: not the subnet's own, its broadcast, the gateway, nor the four that are excluded.
  expect([await pool('IPv4', 'used'), await pool('IPv4', 'free')]).toEqual([1, 8]);
  expect(await pool('IPv6', 'free')).toBeGreaterThan(1e18);
});

test('conflicts are counted by attachment, and by what is in two places', async () => {
  stores.attachments.upsert(next(attachment()));
  expect(await registry.metrics()).toContain('macvlan_identity_conflicts{attachment="lan",address="MAC"} 0');
  const conflict = (address: string) => ({ address, sightings: [], owners: [], attachments: ['lan'] });
  for (const address of ['192.0.2.5', '192.0.2.6', '02:4d:00:00:00:01']) conflicts.set(address, conflict(address));
  conflicts.set('192.0.2.7', 'None');
  const of = (address: string) => metric('macvlan_identity_conflicts', { attachment: 'lan', address });
  expect([await of('IP'), await of('MAC')]).toEqual([2, 1]);
  conflicts.set('192.0.2.5', undefined);
  expect(await of('IP')).toBe(1);
});
