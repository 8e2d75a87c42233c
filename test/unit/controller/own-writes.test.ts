import { describe, expect, test } from '@jest/globals';
import type { KubeObject } from '../../../src/api/kube.ts';
import { OwnWrites } from '../../../src/controller/own-writes.ts';
import { Store } from '../../../src/kernel/watch/store.ts';
import { FakeClock } from '../../support/fake-clock.ts';

interface Thing extends KubeObject {
  readonly value: string;
}
const thing = (version: number, value = `v${version}`): Thing => ({
  metadata: { name: 'x', resourceVersion: String(version) },
  value,
});

function world() {
  const clock = new FakeClock();
  const store = new Store<Thing>({ indexes: { name: ({ metadata }) => [metadata.name] } });
  const own = new OwnWrites(store, clock);
  const write = (object: Thing) => own.through('x', async () => object);
  return { clock, store, own, write };
}

describe('an own write', () => {
  test('is seen before the watch brings it', async () => {
    const { own, write } = world();
    await write(thing(5));
    expect(own.get('x')?.value).toBe('v5');
    expect(own.by('name', 'x', () => true)).toHaveLength(1);
    expect(own.by('name', 'y', (object) => object.metadata.name === 'y')).toEqual([]);
  });

  test('gives way to the watch when that brings it, or something newer', async () => {
    const { own, store, write } = world();
    await write(thing(5));
    store.upsert(thing(4));
    expect(own.get('x')?.value).toBe('v5');
    store.upsert(thing(5, 'from the watch'));
    expect(own.get('x')?.value).toBe('from the watch');
    await write(thing(6));
    store.upsert(thing(10));
    expect(own.get('x')?.value).toBe('v10');
  });

  test('is not shown when the watch was faster', async () => {
    const { own, store } = world();
    await own.through('x', async () => {
      store.upsert(thing(7));
      return thing(5);
    });
    expect(own.get('x')?.value).toBe('v7');
  });

  test('is not shown when somebody deleted the object meanwhile', async () => {
    const { own, store } = world();
    await own.through('x', async () => {
      store.upsert(thing(5));
      store.remove('x');
      return thing(5);
    });
    expect(own.get('x')).toBeUndefined();
  });

  test('is forgotten when the object is deleted', async () => {
    const { own, store, write } = world();
    store.upsert(thing(4));
    await write(thing(5));
    store.remove('x');
    expect(own.get('x')).toBeUndefined();
  });

  test('is not shown for ever when the watch stays behind', async () => {
    const { own, clock, store, write } = world();
    store.upsert(thing(4));
    await write(thing(5));
    await clock.advance(10_001);
    expect(own.get('x')?.value).toBe('v4');
  });

  test('is in doubt when the watch never shows it, and only then', async () => {
    const { own, clock, store, write } = world();
    const doubts: string[] = [];
    own.onDoubt((object) => doubts.push(object.value));
    await write(thing(5));
    store.upsert(thing(5));
    await write(thing(6));
    await write(thing(7));
    await clock.advance(9_000);
    expect(doubts).toEqual([]);
    await clock.advance(2_000);
    expect(doubts).toEqual(['v7']);
    expect(clock.waiting).toBe(0);
  });

  test('that failed leaves everything as it was', async () => {
    const { own } = world();
    const failing = own.through('x', async (): Promise<Thing> => {
      throw new Error('refused');
    });
    await expect(failing).rejects.toThrow('refused');
    expect(own.get('x')).toBeUndefined();
  });
});
