import { describe, expect, test } from '@jest/globals';
import type { Kind, KubeObject } from '../../../../src/api/kube.ts';
import type { Key } from '../../../../src/kernel/kube/client.ts';
import { type EventInput, EventRecorder, type EventRecorderOptions } from '../../../../src/kernel/kube/events.ts';
import { FakeClock } from '../../../support/fake-clock.ts';
import { recordingLogger } from '../../../support/silent-logger.ts';

type Body = Record<string, unknown> & KubeObject;

class EventCollection {
  readonly created: Body[] = [];
  readonly patches: { name: string; patch: unknown }[] = [];
  failing = false;
  gate: Promise<void> = Promise.resolve();

  create = async <T extends KubeObject>(_kind: Kind<T>, object: T): Promise<T> => {
    await this.gate;
    if (this.failing) throw new Error('forbidden');
    this.created.push(object as KubeObject as Body);
    return object;
  };

  mergePatch = async <T extends KubeObject>(_kind: Kind<T>, key: Key, patch: object): Promise<T | undefined> => {
    if (this.failing) throw new Error('forbidden');
    const event = this.created.find((one) => one.metadata.name === key.name);
    if (event !== undefined) this.patches.push({ name: key.name, patch });
    return event as KubeObject as T | undefined;
  };
}

function setUp(options: Partial<EventRecorderOptions> = {}) {
  const clock = new FakeClock(1_700_000_000_000);
  const client = new EventCollection();
  const { logger, lines } = recordingLogger();
  const recorder = new EventRecorder({
    client,
    controller: 'macvlan.dev/controller',
    instance: 'pod-1',
    logger,
    clock,
    ...options,
  });
  return { clock, client, recorder, lines };
}

const happened = (changes: Partial<EventInput> = {}): EventInput => ({
  regarding: { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'pihole', namespace: 'home', uid: 'u-1' } },
  type: 'Warning',
  reason: 'ParentMissing',
  action: 'Attach',
  note: 'no NIC matches',
  ...changes,
});

describe('the event recorder', () => {
  test('writes an event beside the object it is about', async () => {
    const { clock, client, recorder } = setUp();
    recorder.record(happened());
    await clock.advance(0);
    expect(client.created).toEqual([
      {
        metadata: { name: expect.stringMatching(/^pihole\.[0-9a-f]{16}$/), namespace: 'home' },
        eventTime: '2023-11-14T22:13:20.000000Z',
        reportingController: 'macvlan.dev/controller',
        reportingInstance: 'pod-1',
        regarding: { apiVersion: 'v1', kind: 'Pod', name: 'pihole', namespace: 'home', uid: 'u-1' },
        type: 'Warning',
        reason: 'ParentMissing',
        action: 'Attach',
        note: 'no NIC matches',
      },
    ]);
  });

  test('puts events about cluster-scoped objects into the namespace default', async () => {
    const { clock, client, recorder } = setUp();
    recorder.record(happened({ regarding: { apiVersion: 'v1', kind: 'Node', metadata: { name: 'nas' } } }));
    await clock.advance(0);
    expect(client.created[0]?.metadata.namespace).toBe('default');
    expect(client.created[0]).toHaveProperty('regarding', { apiVersion: 'v1', kind: 'Node', name: 'nas' });
  });

  test('counts repetitions, with at most one write a minute', async () => {
    const { clock, client, recorder } = setUp();
    for (let second = 0; second < 120; second++) {
      recorder.record(happened());
      await clock.advance(1000);
    }
    expect(client.created).toHaveLength(1);
    expect(client.patches.map((one) => one.patch)).toEqual([
      { series: { count: 60, lastObservedTime: '2023-11-14T22:14:19.000000Z' } },
      { series: { count: 120, lastObservedTime: '2023-11-14T22:15:19.000000Z' } },
    ]);
  });

  test('writes nothing more when nothing more happens', async () => {
    const { clock, client, recorder } = setUp();
    recorder.record(happened());
    await clock.advance(3_600_000);
    expect([client.created.length, client.patches.length]).toEqual([1, 0]);
    expect(clock.waiting).toBe(0);
  });

  test('takes another note, reason or object for another event', async () => {
    const { clock, client, recorder } = setUp();
    recorder.record(happened());
    recorder.record(happened({ note: 'two NICs match' }));
    recorder.record(happened({ reason: 'ParentAmbiguous' }));
    recorder.record(
      happened({ regarding: { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'plex', namespace: 'home' } } }),
    );
    await clock.advance(0);
    expect(new Set(client.created.map((one) => one.metadata.name)).size).toBe(4);
  });

  test('takes notes that are said to be the same for the same', async () => {
    const { clock, client, recorder } = setUp();
    for (const port of [40001, 40002, 40003]) recorder.record(happened({ note: `from :${port}`, sameAs: 'from' }));
    await clock.advance(0);
    expect(client.created.map((event) => event['note'])).toEqual(['from :40001']);
  });

  test('makes a new event when the old one has expired', async () => {
    const { clock, client, recorder } = setUp();
    recorder.record(happened());
    await clock.advance(0);
    client.created.length = 0;
    recorder.record(happened());
    await clock.advance(60_000);
    expect(client.created).toHaveLength(1);
  });

  test('logs and drops what cannot be written', async () => {
    const { clock, client, recorder, lines } = setUp();
    client.failing = true;
    recorder.record(happened());
    await clock.advance(0);
    client.failing = false;
    await clock.advance(600_000);
    expect(client.created).toHaveLength(0);
    expect(lines.map((line) => line['msg'])).toEqual(['an event could not be written and was dropped']);
  });

  test('drops what is too much while the API server is slow', async () => {
    let open = () => {};
    const { clock, client, recorder } = setUp({ maxQueue: 3 });
    client.gate = new Promise((resolve) => {
      open = resolve;
    });
    for (let i = 0; i < 10; i++) recorder.record(happened({ note: `note ${i}` }));
    await clock.advance(0);
    open();
    await clock.advance(0);
    expect(client.created).toHaveLength(4); // the one that was being written, and three that waited
  });

  test('forgets the oldest of too many different events', async () => {
    const { clock, client, recorder } = setUp({ maxSeries: 2 });
    for (const note of ['one', 'two', 'three', 'one']) {
      recorder.record(happened({ note }));
      await clock.advance(1);
    }
    expect(client.created.map((event) => event['note'])).toEqual(['one', 'two', 'three', 'one']);
  });

  test('cuts a long note at a character, within 1024 bytes', async () => {
    const { clock, client, recorder } = setUp();
    recorder.record(happened({ note: 'ä'.repeat(1000) }));
    await clock.advance(0);
    const note = String(client.created[0]?.['note']);
    expect(Buffer.byteLength(note)).toBeLessThanOrEqual(1024);
    expect(note).toMatch(/^ä+…$/);
  });

  test('writes what waits when it is closed, and takes no more', async () => {
    const { client, recorder } = setUp();
    recorder.record(happened());
    recorder.record(happened({ note: 'second' }));
    await recorder.close();
    recorder.record(happened({ note: 'third' }));
    expect(client.created).toHaveLength(2);
  });
});
