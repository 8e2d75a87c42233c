// The client's verbs, finalizers and events against a real API server.
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { NAMESPACE, POD, type Pod } from '../../../src/api/kube.ts';
import type { KubeClient } from '../../../src/kernel/kube/client.ts';
import { EventRecorder } from '../../../src/kernel/kube/events.ts';
import { addFinalizer, hasFinalizer, removeFinalizer } from '../../../src/kernel/kube/finalizers.ts';
import { ApiError } from '../../../src/kernel/kube/transport.ts';
import { useControlPlane } from '../../support/control-plane.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { CONFIG_MAP, type ConfigMap, clientFor, configMap } from '../../support/kube.ts';
import { silentLogger } from '../../support/silent-logger.ts';
import { until } from '../../support/until.ts';

const controlPlane = useControlPlane();
const namespace = 'default';
const FINALIZER = 'example.org/cleanup';
let client: KubeClient;

beforeAll(() => {
  client = clientFor(controlPlane());
});
afterAll(() => client.transport.close());

const errorOf = async (call: Promise<unknown>): Promise<ApiError> => {
  const error = await call.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (!(error instanceof ApiError)) throw new Error(`expected an ApiError, not ${String(error)}`);
  return error;
};

describe('the client', () => {
  test('makes, reads, lists and deletes an object', async () => {
    const made = await client.create(CONFIG_MAP, configMap(namespace, 'crud'));
    expect(made.metadata.uid).toBeDefined();
    expect(await client.get(CONFIG_MAP, { namespace, name: 'crud' })).toEqual(made);
    const all = await client.list(CONFIG_MAP, { namespace, fieldSelector: 'metadata.name=crud' });
    expect(all.items).toEqual([made]);
    expect(await client.delete(CONFIG_MAP, { namespace, name: 'crud' })).toBe(true);
    expect(await client.delete(CONFIG_MAP, { namespace, name: 'crud' })).toBe(false);
    expect(await client.get(CONFIG_MAP, { namespace, name: 'crud' })).toBeUndefined();
  });

  test('lists a long collection in pages', async () => {
    for (let i = 0; i < 7; i++) {
      await client.create(CONFIG_MAP, { metadata: { name: `page-${i}`, namespace, labels: { paged: 'yes' } } });
    }
    const all = await client.list(CONFIG_MAP, { namespace, labelSelector: 'paged=yes', limit: 3 });
    expect(all.items.map((one) => one.metadata.name)).toEqual([0, 1, 2, 3, 4, 5, 6].map((i) => `page-${i}`));
  });

  test('says what was refused, and why', async () => {
    const error = await errorOf(client.create(CONFIG_MAP, configMap(namespace, 'Not_A_Name')));
    expect([error.status, error.reason]).toEqual([422, 'Invalid']);
    expect(error.message).toMatch(/^POST \/api\/v1\/namespaces\/default\/configmaps: 422 .*Not_A_Name/);
    const taken = await errorOf(client.create(NAMESPACE, { metadata: { name: 'default' } }));
    expect([taken.status, taken.reason]).toEqual([409, 'AlreadyExists']);
  });

  test('does not overwrite what somebody else wrote in between', async () => {
    const old = await client.create(CONFIG_MAP, configMap(namespace, 'replaced'));
    await client.replace(CONFIG_MAP, { ...old, data: { value: '2' } });
    const error = await errorOf(client.replace(CONFIG_MAP, { ...old, data: { value: '3' } }));
    expect([error.status, error.reason]).toEqual([409, 'Conflict']);
  });

  test('applies only its own fields, and takes them back when it no longer sends them', async () => {
    const key = { namespace, name: 'applied' };
    await client.apply(CONFIG_MAP, { metadata: key, data: { a: '1', b: '2' } }, { manager: 'one' });
    await client.apply(CONFIG_MAP, { metadata: key, data: { c: '3' } }, { manager: 'two' });
    await client.apply(CONFIG_MAP, { metadata: key, data: { a: '1' } }, { manager: 'one' });
    expect((await client.get(CONFIG_MAP, key))?.data).toEqual({ a: '1', c: '3' });
    const error = await errorOf(client.apply(CONFIG_MAP, { metadata: key, data: { a: '9' } }, { manager: 'two' }));
    expect(error.status).toBe(409);
    const forced = await client.apply<ConfigMap>(
      CONFIG_MAP,
      { metadata: key, data: { a: '9' } },
      { manager: 'two', force: true },
    );
    expect(forced.data).toEqual({ a: '9' });
  });

  test('changes an object by merge patch and by JSON patch; of one that is gone it says so', async () => {
    const key = { namespace, name: 'patched' };
    await client.create(CONFIG_MAP, configMap(namespace, 'patched'));
    await client.mergePatch(CONFIG_MAP, key, { data: { more: 'x' } });
    const patched = await client.jsonPatch(CONFIG_MAP, key, [
      { op: 'test', path: '/data/more', value: 'x' },
      { op: 'replace', path: '/data/value', value: '2' },
    ]);
    expect(patched?.data).toEqual({ more: 'x', value: '2' });
    const gone = { namespace, name: 'gone' };
    expect(await client.mergePatch(CONFIG_MAP, gone, {})).toBeUndefined();
    expect(await client.jsonPatch(CONFIG_MAP, gone, [{ op: 'remove', path: '/data' }])).toBeUndefined();
  });

  test('writes a status by its subresource, which leaves the rest alone', async () => {
    const pod = {
      metadata: { name: 'status', namespace },
      spec: { containers: [{ name: 'c', image: 'i' }] },
    };
    await client.create<Pod>(POD, pod);
    const status = { metadata: pod.metadata, status: { phase: 'Running', podIP: '192.0.2.7' } };
    const written = await client.apply<Pod>(POD, status, { manager: 'test', subresource: 'status' });
    expect(written.status).toMatchObject({ phase: 'Running', podIP: '192.0.2.7' });
    expect(written.spec.containers).toHaveLength(1);
  });

  test('deletes only the incarnation that was meant', async () => {
    const one = await client.create(CONFIG_MAP, configMap(namespace, 'again'));
    await client.delete(CONFIG_MAP, one.metadata, { uid: one.metadata.uid });
    const two = await client.create(CONFIG_MAP, configMap(namespace, 'again'));
    expect((await errorOf(client.delete(CONFIG_MAP, two.metadata, { uid: one.metadata.uid }))).status).toBe(409);
    expect(await client.get(CONFIG_MAP, two.metadata)).toEqual(two);
  });

  test('gives up when its caller does', async () => {
    const stop = new AbortController();
    stop.abort(new Error('enough'));
    await expect(client.get(CONFIG_MAP, { namespace, name: 'x' }, stop.signal)).rejects.toThrow('enough');
  });
});

describe('finalizers', () => {
  test('hold a deleted object until they are taken off', async () => {
    const made = await client.create(CONFIG_MAP, configMap(namespace, 'held'));
    const held = await addFinalizer(client, CONFIG_MAP, made, FINALIZER);
    expect(held !== undefined && hasFinalizer(held, FINALIZER)).toBe(true);
    await client.delete(CONFIG_MAP, made.metadata);
    const deleting = await client.get(CONFIG_MAP, made.metadata);
    expect(deleting?.metadata.deletionTimestamp).toBeDefined();
    await removeFinalizer(client, CONFIG_MAP, deleting ?? made, FINALIZER);
    expect(await client.get(CONFIG_MAP, made.metadata)).toBeUndefined();
  });

  test('of others are left alone', async () => {
    const made = await client.create(CONFIG_MAP, {
      metadata: { name: 'shared', namespace, finalizers: ['example.org/first'] },
    });
    const both = (await addFinalizer(client, CONFIG_MAP, made, FINALIZER)) ?? made;
    expect(both.metadata.finalizers).toEqual(['example.org/first', FINALIZER]);
    const one = await removeFinalizer(client, CONFIG_MAP, both, FINALIZER);
    expect(one?.metadata.finalizers).toEqual(['example.org/first']);
    await removeFinalizer(client, CONFIG_MAP, one ?? made, 'example.org/first');
  });

  test('are neither put on nor taken off when the object has changed since', async () => {
    const old = await client.create(CONFIG_MAP, configMap(namespace, 'changed'));
    await client.mergePatch(CONFIG_MAP, old.metadata, { data: { value: '2' } });
    expect((await errorOf(addFinalizer(client, CONFIG_MAP, old, FINALIZER))).status).toBe(409);
    const stale = { ...old, metadata: { ...old.metadata, finalizers: [FINALIZER] } };
    expect((await errorOf(removeFinalizer(client, CONFIG_MAP, stale, FINALIZER))).status).toBe(409);
  });

  test('that the server refuses for the object itself are told as that, and not as a conflict', async () => {
    const made = await client.create(CONFIG_MAP, configMap(namespace, 'refused'));
    const error = await errorOf(addFinalizer(client, CONFIG_MAP, made, 'not/a/finalizer'));
    expect(error).toMatchObject({ status: 422, reason: 'Invalid' });
    expect(error.message).toContain('metadata.finalizers');
  });

  test('of an object that is gone count as taken off', async () => {
    const made = await client.create(CONFIG_MAP, configMap(namespace, 'vanished'));
    const held = (await addFinalizer(client, CONFIG_MAP, made, FINALIZER)) ?? made;
    await removeFinalizer(client, CONFIG_MAP, held, FINALIZER);
    await client.delete(CONFIG_MAP, held.metadata);
    expect(await removeFinalizer(client, CONFIG_MAP, held, FINALIZER)).toBeUndefined();
    expect(await addFinalizer(client, CONFIG_MAP, made, FINALIZER)).toBeUndefined();
  });
});

describe('events', () => {
  test('are accepted by the API server, and counted when they repeat', async () => {
    const clock = new FakeClock(Date.now());
    const recorder = new EventRecorder({
      client,
      controller: 'macvlan.dev/test',
      instance: 'test-1',
      logger: silentLogger(),
      clock,
    });
    const regarding = await client.create(CONFIG_MAP, configMap(namespace, 'told-about'));
    const event = {
      regarding: { ...regarding, apiVersion: 'v1', kind: 'ConfigMap' },
      type: 'Warning',
      reason: 'ParentMissing',
      action: 'Attach',
      note: 'no NIC matches; seen: eth0',
    } as const;
    recorder.record(event);
    const found = await until('the event', () => eventsAbout('told-about'));
    expect(found?.[0]).toMatchObject({ reason: 'ParentMissing', note: 'no NIC matches; seen: eth0', type: 'Warning' });
    recorder.record(event);
    recorder.record(event);
    await clock.advance(60_000);
    await until('the count', async () => (await eventsAbout('told-about'))?.[0]?.series?.count === 3);
    expect(await eventsAbout('told-about')).toHaveLength(1);
    await recorder.close();
  });

  test('about cluster-scoped objects are accepted too', async () => {
    const recorder = new EventRecorder({
      client,
      controller: 'macvlan.dev/test',
      instance: 'test-1',
      logger: silentLogger(),
    });
    const home = await client.create(NAMESPACE, { metadata: { name: 'told-about-too' } });
    recorder.record({
      regarding: { ...home, apiVersion: 'v1', kind: 'Namespace' },
      type: 'Normal',
      reason: 'Rendered',
      action: 'Apply',
      note: 'done',
    });
    await recorder.close();
    expect(await eventsAbout('told-about-too')).toHaveLength(1);
  });
});

async function eventsAbout(name: string) {
  const kind = { apiVersion: 'events.k8s.io/v1', kind: 'Event', plural: 'events', namespaced: true };
  type Event = ConfigMap & { regarding?: { name?: string }; series?: { count?: number } };
  const all = await client.list<Event>(kind, { namespace });
  const found = all.items.filter((one) => one.regarding?.name === name);
  return found.length === 0 ? undefined : found;
}
