import { beforeEach, describe, expect, test } from '@jest/globals';
import type { Pod } from '../../../../src/api/kube.ts';
import type { NodePod } from '../../../../src/api/v1alpha1/node-state.ts';
import { Conflicts } from '../../../../src/controller/identity/conflict-sight.ts';
import { connectConflicts, wakeConflicts } from '../../../../src/controller/identity/conflict-sources.ts';
import { reconcileConflicts } from '../../../../src/controller/identity/conflicts.ts';
import { createStores, type Stores } from '../../../../src/controller/stores.ts';
import { claimFor } from '../../../../src/domain/identity/claims.ts';
import { nodeEntry, nodePod, nodeState } from '../../../support/builders.ts';
import { FakeClock } from '../../../support/fake-clock.ts';

const IP = '192.0.2.5';
const { signal } = new AbortController();

let stores: Stores;
let conflicts: Conflicts;
let clock: FakeClock;
let pods: Map<string, Pod>;
let told: string[];
let woken: Set<string>;
let asked: string[];
let reconcile: ReturnType<typeof reconcileConflicts>;
let version = 0;

/** The object with a version of its own, as the API server gives one to each write. */
function next<T extends { metadata: object }>(object: T): T {
  version += 1;
  return { ...object, metadata: { ...object.metadata, resourceVersion: String(version) } };
}

function runs(name: string, node: string, phase = 'Running'): void {
  const metadata = { name, namespace: 'home', uid: `uid-${name}` };
  pods.set(`home/${name}`, { metadata, spec: { nodeName: node }, status: { phase } });
}

/** What the agent of a node says of its pods. */
function report(node: string, entries: readonly NodePod[]): void {
  stores.nodeStates.upsert(next(nodeState(node, [nodeEntry({ incarnation: `${node}/2` })], { pods: entries })));
}

function claim(identity: string, holder?: string): void {
  const reference = { namespace: 'home', name: identity };
  stores.claims.upsert(next(claimFor({ address: IP, attachment: 'lan' }, reference)));
  const status = holder === undefined ? {} : { status: { holder: { pod: holder, uid: `uid-${holder}` } } };
  stores.identities.upsert(next({ metadata: reference, spec: {}, ...status }));
}

beforeEach(() => {
  stores = createStores();
  conflicts = new Conflicts(stores);
  clock = new FakeClock();
  pods = new Map();
  [told, asked, woken] = [[], [], new Set()];
  connectConflicts(stores, conflicts, (address) => woken.add(address));
  reconcile = reconcileConflicts({
    client: {
      get: async (_kind, { namespace, name }) => {
        asked.push(name);
        return pods.get(`${namespace}/${name}`) as never;
      },
    },
    stores,
    conflicts,
    events: {
      record: ({ regarding, note }) => void told.push(`${regarding.kind} ${regarding.metadata.name}: ${note}`),
    },
    wake: {
      attachment: (name) => woken.add(`attachment ${name}`),
      identity: ({ name }) => woken.add(`identity ${name}`),
    },
    clock,
  });
});

function twoPods(): void {
  for (const [name, node] of [['x', 'a'] as const, ['y', 'b'] as const]) {
    runs(name, node);
    report(node, [nodePod(name, { ips: [IP] })]);
  }
}

describe('an address that two pods have', () => {
  test('is told once it has lasted, on both, and not again', async () => {
    twoPods();
    expect(woken).toEqual(new Set([IP]));
    expect(await reconcile(IP, signal)).toEqual({ type: 'later', ms: 5000 });
    expect([told, conflicts.list()]).toEqual([[], []]);
    await clock.advance(5000);
    expect(await reconcile(IP, signal)).toEqual({ type: 'later', ms: 60_000 });
    expect(told).toEqual([
      expect.stringMatching(
        /^Pod x: 192\.0\.2\.5 on lan is in use by pod home\/x on node a and pod home\/y on node b\./,
      ),
      expect.stringMatching(/^Pod y: /),
    ]);
    expect(woken).toContain('attachment lan');
    await reconcile(IP, signal);
    expect(told.length).toBe(2);
  });

  test('is not told when it was over before that: one of them was about to end', async () => {
    twoPods();
    await reconcile(IP, signal);
    report('a', []);
    await clock.advance(5000);
    expect(await reconcile(IP, signal)).toEqual({ type: 'done' });
    // Nor when it begins anew: it has to last again.
    twoPods();
    expect(await reconcile(IP, signal)).toEqual({ type: 'later', ms: 5000 });
    expect(told).toEqual([]);
  });

  test('is taken back when it is over', async () => {
    twoPods();
    claim('pod-x', 'x');
    await reconcile(IP, signal);
    await clock.advance(5000);
    await reconcile(IP, signal);
    expect(conflicts.ofIdentity({ namespace: 'home', name: 'pod-x' })?.length).toBe(1);
    expect(told.some((text) => text.startsWith('MacvlanIdentity pod-x'))).toBe(true);
    woken.clear();
    report('b', []);
    expect(woken).toEqual(new Set([IP]));
    expect(await reconcile(IP, signal)).toEqual({ type: 'done' });
    expect(woken).toEqual(new Set([IP, 'attachment lan', 'identity pod-x']));
    expect(conflicts.list()).toEqual([]);
    expect(conflicts.ofIdentity({ namespace: 'home', name: 'pod-x' })).toEqual([]);
  });
});

describe('what an agent says counts for nothing', () => {
  test.each<readonly [string, () => void]>([
    ['when the pod is on another node', () => runs('y', 'c')],
    ['when there is no such pod any more', () => pods.delete('home/y')],
    [
      'when it is another one of that name',
      () => pods.set('home/y', { metadata: { name: 'y', uid: 'z' }, spec: { nodeName: 'b' } }),
    ],
    ['when the pod has ended', () => runs('y', 'b', 'Succeeded')],
  ])('%s', async (_, change) => {
    twoPods();
    change();
    await reconcile(IP, signal);
    await clock.advance(60_000);
    expect(await reconcile(IP, signal)).toEqual({ type: 'done' });
    expect([told, conflicts.list()]).toEqual([[], []]);
  });
});

test('addresses that are where they should be wake nobody, and nobody is asked', async () => {
  claim('pod-x', 'x');
  report('a', [nodePod('x', { ips: [IP], mac: '02:4d:00:00:00:01' })]);
  report('b', [nodePod('y', { ips: ['192.0.2.6'] })]);
  wakeConflicts(stores, conflicts, (address) => woken.add(address));
  expect(woken).toEqual(new Set());
  expect(await reconcile(IP, signal)).toEqual({ type: 'done' });
  expect(asked).toEqual([]);
});

test('what an identity says of conflicts stands until its addresses were looked into', async () => {
  twoPods();
  claim('pod-x', 'x');
  const owner = { namespace: 'home', name: 'pod-x' };
  expect(conflicts.ofIdentity(owner)).toBeUndefined();
  runs('y', 'elsewhere');
  await reconcile(IP, signal);
  expect(conflicts.ofIdentity(owner)).toEqual([]);
});

test('an address is looked into when its identity has another holder', () => {
  report('a', [nodePod('x', { ips: [IP] })]);
  claim('pod-x', 'x');
  woken.clear();
  claim('pod-x', 'y');
  expect(woken).toEqual(new Set([IP]));
});
