// The reflector against a real API server, with everything in between that can go wrong.
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { KubeClient } from '../../../src/kernel/kube/client.ts';
import { ApiError } from '../../../src/kernel/kube/transport.ts';
import { useControlPlane } from '../../support/control-plane.ts';
import { FaultProxy, lists, watches } from '../../support/fault-proxy.ts';
import { CONFIG_MAP, clientFor, configMap } from '../../support/kube.ts';
import { until } from '../../support/until.ts';
import { quietly, Watching, type WatchingOptions } from '../../support/watching.ts';

const controlPlane = useControlPlane();

let client: KubeClient;
let proxy: FaultProxy;
let namespace = '';
let count = 0;
const watchers: Watching[] = [];

beforeEach(async () => {
  const { url, ca, token } = controlPlane();
  client = clientFor({ url, ca, token });
  proxy = new FaultProxy({ url, ca });
  await proxy.start();
  namespace = `reflector-${++count}`; // a namespace need not exist for the watch, but for the objects
  await client.create(
    { apiVersion: 'v1', kind: 'Namespace', plural: 'namespaces', namespaced: false },
    {
      metadata: { name: namespace },
    },
  );
});

afterEach(async () => {
  for (const one of watchers.splice(0)) await one.stop();
  await proxy.stop();
  client.transport.close();
});

function watching(options: WatchingOptions = {}): Watching {
  const one = new Watching(proxy, controlPlane().token, { namespace, ...options });
  watchers.push(one);
  return one;
}

const make = (name: string, value = '1') => client.create(CONFIG_MAP, configMap(namespace, name, value));
const change = (name: string, value: string) => client.mergePatch(CONFIG_MAP, { namespace, name }, { data: { value } });
const remove = (name: string) => client.delete(CONFIG_MAP, { namespace, name });

describe('a reflector in good weather', () => {
  test('lists what is there and follows what happens', async () => {
    await make('a');
    const seen = watching();
    await seen.follow();
    expect(seen.values()).toEqual({ a: '1' });
    await make('b');
    await change('a', '2');
    await seen.shows({ a: '2', b: '1' });
    await remove('b');
    await seen.shows({ a: '2' });
    expect(seen.told()).toEqual(['add a', 'add b', 'update a', 'delete b']);
    expect(seen.listCount).toBe(1);
    expect(seen.reflector.state()).toBe('synced');
  });

  test('reads a long list page by page', async () => {
    for (const name of ['a', 'b', 'c', 'd', 'e']) await make(name);
    const seen = watching({ pageSize: 2 });
    await seen.follow();
    expect(Object.keys(seen.values()).sort()).toEqual(['a', 'b', 'c', 'd', 'e']);
    expect(seen.listCount).toBe(3);
  });

  test('reads a very long list in larger pages after ten', async () => {
    const names = Array.from({ length: 32 }, (_, i) => `n${i}`);
    for (const name of names) await make(name);
    const seen = watching({ pageSize: 2 });
    await seen.follow();
    expect(Object.keys(seen.values()).sort()).toEqual(names.toSorted());
    const limits = proxy.requests.filter(lists).map(({ query }) => query.get('limit'));
    expect(limits).toEqual([...Array<string>(10).fill('2'), '10', '10']);
  });

  test('takes its first list from the cache of the API server when it may be a little old', async () => {
    await make('a');
    const seen = watching({ listFromCache: true });
    await seen.follow();
    await seen.shows({ a: '1' }); // by the list or by the watch that follows it
    expect(proxy.requests.filter(lists)[0]?.query.get('resourceVersion')).toBe('0');
  });

  test('shows the same object whether it came by list or by watch, without managed fields', async () => {
    await make('a');
    const first = watching();
    await first.follow();
    await make('b');
    await first.shows({ a: '1', b: '1' });
    const second = watching();
    await second.follow();
    expect(second.store.get(`${namespace}/b`)).toEqual(first.store.get(`${namespace}/b`));
    expect(first.store.get(`${namespace}/a`)).toMatchObject({ apiVersion: 'v1', kind: 'ConfigMap' });
    expect(first.store.get(`${namespace}/a`)?.metadata).not.toHaveProperty('managedFields');
  });

  test('asks for what its selectors name, and takes an object that leaves the selection for deleted', async () => {
    await client.create(CONFIG_MAP, { metadata: { name: 'in', namespace, labels: { mine: 'yes' } } });
    await make('out');
    const seen = watching({ labelSelector: 'mine=yes' });
    await seen.follow();
    expect(Object.keys(seen.values())).toEqual(['in']);
    await client.mergePatch(CONFIG_MAP, { namespace, name: 'in' }, { metadata: { labels: null } });
    await seen.shows({});
    const byName = watching({ fieldSelector: 'metadata.name=out' });
    await byName.follow();
    expect(Object.keys(byName.values())).toEqual(['out']);
  });

  test('cuts objects down before it stores them', async () => {
    await make('a', 'long');
    const seen = watching({ transform: (object) => ({ ...object, data: { value: 'cut' } }) });
    await seen.follow();
    await change('a', 'longer');
    await until('the change', () => seen.changes.length === 2);
    expect(seen.values()).toEqual({ a: 'cut' });
  });

  test('ends a watch in time and begins the next one where a bookmark left it, without another list', async () => {
    await make('a');
    const seen = watching({ watchSeconds: [3, 3] });
    await seen.follow();
    await client.create(CONFIG_MAP, configMap('default', `elsewhere-${namespace}`)); // moves the version on, unseen
    await until('the next watch', () => seen.watchedFrom().length >= 2);
    const [first, second] = seen.watchedFrom();
    expect(Number(second)).toBeGreaterThan(Number(first));
    expect([seen.listCount, seen.changes.length]).toEqual([1, 1]);
  });

  test('stops when it is told to, and asks nothing more', async () => {
    const seen = watching();
    await seen.follow();
    await seen.stop();
    const requests = proxy.requests.length;
    await quietly(300);
    expect(proxy.requests.length).toBe(requests);
    expect(proxy.watchCount).toBe(0);
  });

  test('goes on when a change handler throws', async () => {
    const seen = watching();
    seen.store.onChange(() => {
      throw new Error('boom');
    });
    await seen.follow();
    await make('a');
    await make('b');
    await seen.shows({ a: '1', b: '1' });
  });
});

describe('a reflector in bad weather', () => {
  test('goes on from the last version it saw when the connection is reset in the middle of a watch', async () => {
    const seen = watching();
    await seen.follow();
    await make('a');
    await seen.shows({ a: '1' });
    const version = seen.store.get(`${namespace}/a`)?.metadata.resourceVersion;
    proxy.resetWatches();
    await make('b');
    await seen.shows({ a: '1', b: '1' });
    expect(seen.watchedFrom().at(-1)).toBe(version);
    expect(seen.told()).toEqual(['add a', 'add b']);
    expect(seen.listCount).toBe(1);
  });

  test('survives connections that break before the first byte, while listing and while watching', async () => {
    proxy.inject(lists, { type: 'reset', afterLines: 0 }, 2);
    proxy.inject(watches, { type: 'reset', afterLines: 0 }, 2);
    await make('a');
    const seen = watching();
    await seen.follow();
    expect(seen.values()).toEqual({ a: '1' });
    expect(seen.listCount).toBe(3);
  });

  test('loses nothing when a line is cut in half', async () => {
    proxy.inject(watches, { type: 'half-line', afterLines: 1 });
    const failures: number[] = [];
    const seen = watching({ observer: { failed: (_, status) => failures.push(status) } });
    await seen.follow();
    await make('a');
    await make('b');
    await seen.shows({ a: '1', b: '1' });
    expect(seen.told()).toEqual(['add a', 'add b']);
    expect(seen.listCount).toBe(1);
    expect(failures).toEqual([0]);
  });

  test('loses nothing when the connection is reset between two lines', async () => {
    proxy.inject(watches, { type: 'reset', afterLines: 1 });
    const seen = watching();
    await seen.follow();
    await make('a');
    await make('b');
    await seen.shows({ a: '1', b: '1' });
    expect(seen.told()).toEqual(['add a', 'add b']);
  });

  test('takes a peer that says nothing past the end of the watch for dead, and watches again without a list', async () => {
    proxy.inject(watches, { type: 'silence' });
    const seen = watching({ watchSeconds: [1, 1], watchGraceMs: 100 });
    seen.start();
    await seen.reflector.synced;
    await make('a');
    await seen.shows({ a: '1' });
    expect(seen.listCount).toBe(1);
  });

  test('does not wait for headers for ever', async () => {
    proxy.inject(lists, { type: 'no-answer' });
    await make('a');
    const seen = watching({ client: clientFor({ ...controlPlane(), url: proxy.url }, { headersTimeoutMs: 200 }) });
    await seen.follow();
    expect(seen.values()).toEqual({ a: '1' });
    expect(seen.listCount).toBe(2);
  });

  test('lists again, once and without a pause, when its version is too old', async () => {
    await make('a');
    proxy.inject(watches, { type: 'in-band', code: 410, message: 'too old resource version' });
    const seen = watching({ backoffMs: [60_000, 60_000] }); // a pause would be longer than the test may take
    await seen.follow();
    await until('the second watch', () => seen.watchedFrom().length === 2);
    expect(seen.listCount).toBe(2);
    expect(seen.told()).toEqual(['add a']);
  });

  test('tells deletions that happened while it was away, and nothing about what did not change', async () => {
    await make('kept');
    await make('gone');
    proxy.inject(watches, { type: 'in-band', code: 500 }, 1_000_000); // away: no watch comes through
    const seen = watching();
    seen.start();
    await seen.reflector.synced;
    await remove('gone');
    proxy.clear();
    proxy.inject(watches, { type: 'in-band', code: 410 });
    await seen.shows({ kept: '1' });
    expect(seen.told()).toEqual(['add gone', 'add kept', 'delete gone']);
    expect(seen.listCount).toBe(2);
  });

  test('lists with a pause in between when the version is too old again and again', async () => {
    proxy.inject(watches, { type: 'in-band', code: 410 }, 1_000_000);
    const seen = watching({ backoffMs: [200, 200] });
    seen.start();
    await seen.reflector.synced;
    await quietly(1000);
    expect(seen.listCount).toBeGreaterThan(2);
    expect(seen.listCount).toBeLessThan(15);
  });

  test('starts a list again when its page token has expired', async () => {
    for (const name of ['a', 'b', 'c']) await make(name);
    proxy.inject((request) => request.query.has('continue'), { type: 'status', code: 410, reason: 'Expired' });
    const seen = watching({ pageSize: 2 });
    await seen.follow();
    expect(Object.keys(seen.values()).sort()).toEqual(['a', 'b', 'c']);
    expect(seen.told()).toEqual(['add a', 'add b', 'add c']);
    expect(seen.listCount).toBe(4);
  });

  test('survives 410 on the first list', async () => {
    proxy.inject(lists, { type: 'status', code: 410, reason: 'Expired' }, 3);
    await make('a');
    const seen = watching();
    await seen.follow();
    expect(seen.values()).toEqual({ a: '1' });
  });

  test('keeps its version when the server fails in band', async () => {
    await make('a');
    proxy.inject(watches, { type: 'in-band', code: 500, message: 'etcdserver: leader changed' }, 2);
    const seen = watching();
    await seen.follow();
    await make('b');
    await seen.shows({ a: '1', b: '1' });
    expect(new Set(seen.watchedFrom().slice(0, 3)).size).toBe(1);
    expect(seen.listCount).toBe(1);
  });

  test.each([
    ['list', lists],
    ['watch', watches],
  ] as const)('stays away for as long as a busy server asks, when it may not %s', async (_, matches) => {
    proxy.inject(matches, { type: 'status', code: 429, reason: 'TooManyRequests', retryAfter: 1 });
    const seen = watching();
    await seen.follow();
    const [refused, next] = proxy.requests.filter(matches);
    expect((next?.at ?? 0) - (refused?.at ?? 0)).toBeGreaterThanOrEqual(990);
  });

  test('is not driven into a loop by a proxy that ends each watch at once', async () => {
    proxy.inject(watches, { type: 'close' }, 1_000_000);
    const seen = watching({ backoffMs: [100, 100] });
    seen.start();
    await quietly(1000);
    expect(seen.watchedFrom().length).toBeGreaterThan(2);
    expect(seen.watchedFrom().length).toBeLessThan(25);
    expect(seen.listCount).toBe(1);
  });

  test('is not disturbed by a slow network', async () => {
    proxy.inject(() => true, { type: 'delay', ms: 100 }, 1_000_000);
    await make('a');
    const seen = watching();
    await seen.follow();
    await make('b');
    await seen.shows({ a: '1', b: '1' });
    expect([seen.listCount, seen.watchedFrom().length]).toEqual([1, 1]);
  });
});

describe('a reflector that is refused', () => {
  test('says so, waits, and goes on when it is allowed again', async () => {
    proxy.inject(() => true, { type: 'status', code: 403, reason: 'Forbidden' }, 3);
    const states: string[] = [];
    const seen = watching();
    seen.reflector.onStateChange((state) => states.push(state));
    await seen.follow();
    expect(states).toEqual(['failing', 'synced']);
    expect(seen.reflector.lastError()).toBeUndefined();
  });

  test('tells a kind that is not there from an empty one, and finds it when it arrives', async () => {
    const missing = { apiVersion: 'example.org/v1', kind: 'Thing', plural: 'things', namespaced: true };
    const seen = watching({ kind: missing, backoffMs: [30_000, 30_000] });
    seen.start();
    await seen.reflector.settled;
    expect([seen.reflector.state(), seen.reflector.kindIsMissing()]).toEqual(['failing', true]);
    await defineThings();
    await until('the kind', async () => {
      seen.reflector.retryNow();
      await quietly(50);
      return seen.reflector.state() === 'synced';
    });
    expect(seen.reflector.kindIsMissing()).toBe(false);
    expect(seen.values()).toEqual({});
  });

  test('shows what it has while the connection fails, and says after three failures that it fails', async () => {
    await make('a');
    const seen = watching();
    await seen.follow();
    proxy.inject(() => true, { type: 'reset', afterLines: 0 }, 1_000_000);
    proxy.resetWatches();
    await until('the state', () => seen.reflector.state() === 'failing');
    expect(seen.reflector.lastError()).not.toBeInstanceOf(ApiError);
    expect(seen.values()).toEqual({ a: '1' });
    proxy.clear();
    await make('b');
    await seen.shows({ a: '1', b: '1' });
    expect(seen.reflector.state()).toBe('synced');
  });
});

test('a reflector follows an API server through its restart', async () => {
  await make('a');
  const seen = watching();
  await seen.follow();
  await controlPlane().restartApiServer();
  await make('b');
  await seen.shows({ a: '1', b: '1' });
  expect(seen.told()).toEqual(['add a', 'add b']);
}, 60_000);

test('whatever happens on the way, the store ends as the server is, and the changes that were told lead there', async () => {
  const seen = watching({ watchSeconds: [1, 2], watchGraceMs: 100, backoffMs: [5, 20] });
  seen.start();
  const random = dice();
  const doings = [
    (name: string, value: string) => make(name, value).catch(() => {}), // it may be there already
    change,
    remove,
  ];
  const mishaps = [
    () => proxy.resetWatches(),
    () => proxy.inject(watches, { type: 'half-line', afterLines: random(4) }),
    () => proxy.inject(watches, { type: 'reset', afterLines: random(4) }),
    () => proxy.inject(watches, { type: 'in-band', code: 410 }),
    () => proxy.inject(watches, { type: 'in-band', code: 500 }),
    () => proxy.inject(lists, { type: 'status', code: 503 }),
    () => proxy.inject(lists, { type: 'status', code: 410 }),
  ];
  for (let step = 0; step < 200; step++) {
    await doings[random(doings.length)]?.(`m${random(12)}`, String(step));
    if (random(3) === 0) mishaps[random(mishaps.length)]?.();
    await quietly(random(25));
  }
  proxy.clear();
  const truth = await client.list(CONFIG_MAP, { namespace });
  const values = Object.fromEntries(truth.items.map((one) => [one.metadata.name, one.data?.['value'] ?? '']));
  await seen.shows(values);
  expect(seen.replayed()).toEqual(values);
  expect(seen.watchedFrom().length).toBeGreaterThan(10);
}, 60_000);

/** Numbers below a bound, the same ones in each run. */
function dice(): (below: number) => number {
  let state = 1;
  return (below) => {
    state = (state * 48_271) % 2_147_483_647;
    return state % below;
  };
}

async function defineThings(): Promise<void> {
  const schema = { openAPIV3Schema: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true } };
  const outcome = await controlPlane().kubectl(['apply', '-f', '-'], {
    input: JSON.stringify({
      apiVersion: 'apiextensions.k8s.io/v1',
      kind: 'CustomResourceDefinition',
      metadata: { name: 'things.example.org' },
      spec: {
        group: 'example.org',
        scope: 'Namespaced',
        names: { plural: 'things', singular: 'thing', kind: 'Thing' },
        versions: [{ name: 'v1', served: true, storage: true, schema }],
      },
    }),
  });
  expect(outcome.stderr).toBe('');
}
