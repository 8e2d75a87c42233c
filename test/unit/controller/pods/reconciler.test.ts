// One pod and what its node says of it: events that are told once, and evictions that are asked for politely.
import { beforeEach, describe, expect, test } from '@jest/globals';
import type { Pod } from '../../../../src/api/kube.ts';
import type { Repair } from '../../../../src/api/v1alpha1/attachment.ts';
import type { MacvlanNodeState, NodePod } from '../../../../src/api/v1alpha1/node-state.ts';
import { formatPodKey, podsToLookAt } from '../../../../src/controller/pods/keys.ts';
import { type PodPorts, reconcilePod } from '../../../../src/controller/pods/reconciler.ts';
import { createStores, type Stores } from '../../../../src/controller/stores.ts';
import type { Answer, Reconcile } from '../../../../src/kernel/controller/controller.ts';
import { ApiError } from '../../../../src/kernel/kube/transport.ts';
import { attachment, nodeEntry, nodePod, nodeState } from '../../../support/builders.ts';
import { FakeClock } from '../../../support/fake-clock.ts';
import { silentLogger } from '../../../support/silent-logger.ts';

let stores: Stores;
let clock: FakeClock;
let pods: Map<string, Pod>;
let told: string[];
let posts: { readonly key: unknown; readonly body: unknown }[];
let refusal: ApiError | undefined;
let gets: number;
let reconcile: Reconcile;

function pod(name: string, init: Partial<Pod['metadata']> = {}): Pod {
  const annotations = {
    'k8s.v1.cni.cncf.io/network-status': JSON.stringify([{ name: 'home/lan', interface: 'net1' }]),
  };
  const owner = { apiVersion: 'apps/v1', kind: 'ReplicaSet', name, uid: 'u', controller: true };
  const metadata = { namespace: 'home', name, uid: `uid-${name}`, annotations, ownerReferences: [owner], ...init };
  return { metadata, spec: { nodeName: 'a' } };
}

function says(...links: readonly NodePod[]): void {
  const state = nodeState('a', [nodeEntry()], { pods: links });
  stores.nodeStates.upsert({ ...state, metadata: { name: 'a', resourceVersion: JSON.stringify(links) } });
}

function wants(type: Repair['type']): void {
  stores.attachments.upsert(attachment({ spec: { repair: { type } }, metadata: { resourceVersion: type } }));
}

const turn = (name = 'web'): Promise<Answer> =>
  reconcile(formatPodKey({ node: 'a', namespace: 'home', name }), new AbortController().signal);

beforeEach(() => {
  stores = createStores();
  clock = new FakeClock();
  pods = new Map([pod('web'), pod('db')].map((object) => [object.metadata.name, object]));
  [told, posts, refusal, gets] = [[], [], undefined, 0];
  const client = {
    get: async (_kind: unknown, key: { name: string }) => {
      gets += 1;
      return pods.get(key.name);
    },
    post: async (_kind: unknown, key: unknown, { body }: { body: unknown }) => {
      if (refusal !== undefined) throw refusal;
      posts.push({ key, body });
    },
  } as unknown as PodPorts['client'];
  const events: PodPorts['events'] = {
    record: ({ regarding, type, reason }) => void told.push(`${regarding.metadata.name} ${type} ${reason}`),
  };
  reconcile = reconcilePod({ client, stores, events, logger: silentLogger(), clock });
  wants('Report');
});

describe('what the node says of a pod is told on the pod', () => {
  test('when it changes, and once', async () => {
    says(nodePod('web', { state: 'Ghost' }));
    await turn();
    await turn();
    says(nodePod('web', { state: 'Repaired' }));
    await turn();
    await turn();
    expect(told).toEqual(['web Warning PodGhost', 'web Normal PodRepaired']);
    says(nodePod('web'));
    await turn();
    says(nodePod('web', { state: 'Ghost' }));
    await turn();
    expect(told.at(-1)).toBe('web Warning PodGhost');
  });

  test('with the reason why it was not made again', async () => {
    const problem = { reason: 'RepairRefused', message: 'No.', remedy: 'Yes.' };
    says(nodePod('web', { state: 'Ghost', problem }));
    await turn();
    expect(told).toEqual(['web Warning RepairRefused']);
  });

  test('but an old repair is no news to a new controller', async () => {
    says(nodePod('web', { state: 'Repaired' }));
    await turn();
    expect(told).toEqual([]);
  });

  test('and nobody is asked about pods that are well', async () => {
    says(nodePod('web'), nodePod('db', { state: 'Stale' }));
    await turn();
    await turn('db');
    expect([gets, told]).toEqual([0, []]);
  });

  test.each([
    ['is gone', undefined],
    ['has another uid', pod('web', { uid: 'another' })],
    ['is on another node', { ...pod('web'), spec: { nodeName: 'b' } }],
  ])('unless it %s: an agent speaks for its own node only', async (_, object) => {
    if (object === undefined) pods.delete('web');
    else pods.set('web', object);
    wants('Recreate');
    says(nodePod('web', { state: 'Ghost' }));
    expect(await turn()).toEqual({ type: 'done' });
    expect([told, posts]).toEqual([[], []]);
  });
});

describe('with repair Recreate, a ghost', () => {
  beforeEach(() => {
    wants('Recreate');
    says(nodePod('web', { state: 'Ghost' }), nodePod('db', { state: 'Ghost' }));
  });

  test('is evicted, that very pod and no namesake', async () => {
    await turn();
    const metadata = { namespace: 'home', name: 'web' };
    const body = expect.objectContaining({
      kind: 'Eviction',
      metadata,
      deleteOptions: { preconditions: { uid: 'uid-web' } },
    });
    expect(posts).toEqual([{ key: metadata, body }]);
    expect(told).toEqual(['web Warning PodGhost', 'web Normal PodEvicted']);
  });

  test('waits for its turn: new pods are to be up before the next ones go', async () => {
    await turn();
    expect(await turn('db')).toEqual({ type: 'later', ms: 2000 });
    await clock.advance(2000);
    await turn('db');
    expect(posts).toHaveLength(2);
  });

  test('is not read before its turn, but for what there is to tell', async () => {
    await turn();
    await turn('db');
    expect(gets).toBe(2);
    for (let i = 0; i < 10; i++) expect(await turn('db')).toMatchObject({ type: 'later' });
    expect(gets).toBe(2);
  });

  test('stays while a disruption budget stands against it, which is told', async () => {
    refusal = new ApiError('Cannot evict pod as it would violate the budget.', {
      status: 429,
      reason: 'TooManyRequests',
    });
    expect(await turn()).toEqual({ type: 'later', ms: 10_000 });
    expect(told).toContain('web Warning EvictionRefused');
    refusal = undefined;
    await clock.advance(10_000);
    await turn();
    expect(posts).toHaveLength(1);
  });

  test('that nobody would make again stays, which is told once', async () => {
    pods.set('web', pod('web', { ownerReferences: [] }));
    await turn();
    await turn();
    expect([posts, told]).toEqual([[], ['web Warning PodGhost', 'web Warning EvictionRefused']]);
  });
});

test('a state wakes pods of which it says something new, ghosts, and those of which it says nothing any more', () => {
  const before: MacvlanNodeState = nodeState('a', [], {
    pods: [
      nodePod('well'),
      nodePod('ghost', { state: 'Ghost' }),
      nodePod('gone', { state: 'Stale' }),
      nodePod('ended'),
    ],
  });
  const after = nodeState('a', [], {
    pods: [
      nodePod('well'),
      nodePod('ghost', { state: 'Ghost' }),
      nodePod('new'),
      nodePod('late', { state: 'NeverAttached' }),
    ],
  });
  expect(podsToLookAt('a', before, after)).toEqual(['a/home/ghost', 'a/home/late', 'a/home/gone']);
});
