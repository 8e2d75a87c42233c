import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { KubeObject } from '../../../../src/api/kube.ts';
import { type Change, Store } from '../../../../src/kernel/watch/store.ts';

interface Thing extends KubeObject {
  readonly colors: readonly string[];
}

const thing = (name: string, version: string, ...colors: string[]): Thing => ({
  metadata: { name, namespace: 'home', resourceVersion: version },
  colors,
});
const byColor = { color: (one: Thing) => one.colors };
const names = (things: readonly Thing[]) => things.map((one) => one.metadata.name).sort();

describe('the store', () => {
  test('knows objects by namespace and name', () => {
    const store = new Store<Thing>();
    store.upsert(thing('a', '1'));
    expect(store.get('home/a')?.metadata.resourceVersion).toBe('1');
    expect(store.get('a')).toBeUndefined();
    expect(store.size).toBe(1);
  });

  test('lists objects under each value of an index, and moves them when the values change', () => {
    const store = new Store<Thing>({ indexes: byColor });
    store.upsert(thing('a', '1', 'red', 'blue'));
    store.upsert(thing('b', '2', 'red'));
    expect(names(store.by('color', 'red'))).toEqual(['a', 'b']);
    store.upsert(thing('a', '3', 'green'));
    expect(names(store.by('color', 'red'))).toEqual(['b']);
    expect(names(store.by('color', 'blue'))).toEqual([]);
    expect(names(store.by('color', 'green'))).toEqual(['a']);
    store.remove('home/b');
    expect(names(store.by('color', 'red'))).toEqual([]);
  });

  test('lists in an index what a search through all objects would find, whatever comes and goes', () => {
    const colors = ['red', 'green', 'blue'] as const;
    const step = fc.record({
      name: fc.constantFrom('a', 'b', 'c', 'd'),
      colors: fc.subarray([...colors]),
      goes: fc.boolean(),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
        const store = new Store<Thing>({ indexes: byColor });
        steps.forEach(({ name, colors: own, goes }, i) => {
          const object = thing(name, String(i), ...own);
          if (goes) store.remove(`home/${name}`);
          else store.upsert(object);
        });
        for (const color of colors) {
          const found = store.list().filter((object) => byColor.color(object).includes(color));
          expect(new Set(store.by('color', color))).toEqual(new Set(found));
        }
      }),
    );
  });

  test('refuses a question to an index that does not exist', () => {
    expect(() => new Store<Thing>().by('color', 'red')).toThrow('no index "color"');
  });

  test('tells what was and what is, for each kind of change', () => {
    const store = new Store<Thing>();
    const changes: Change<Thing>[] = [];
    store.onChange((change) => changes.push(change));
    store.upsert(thing('a', '1'));
    store.upsert(thing('a', '2'));
    store.remove('home/a');
    store.remove('home/a');
    expect(changes).toEqual([
      { type: 'add', key: 'home/a', current: thing('a', '1') },
      { type: 'update', key: 'home/a', old: thing('a', '1'), current: thing('a', '2') },
      { type: 'delete', key: 'home/a', old: thing('a', '2') },
    ]);
  });

  test('says nothing about a version that it already has', () => {
    const store = new Store<Thing>();
    let changes = 0;
    store.upsert(thing('a', '1'));
    store.onChange(() => {
      changes += 1;
    });
    store.upsert(thing('a', '1'));
    expect(changes).toBe(0);
  });

  test('survives a handler that throws, and the other handlers still hear of the change', () => {
    const store = new Store<Thing>();
    const errors: unknown[] = [];
    const heard: string[] = [];
    store.onHandlerError((error) => errors.push(error));
    store.onChange(() => {
      throw new Error('boom');
    });
    store.onChange((change) => heard.push(change.key));
    store.upsert(thing('a', '1'));
    expect(String(errors[0])).toContain('boom');
    expect(heard).toEqual(['home/a']);
  });

  test('gives lists that later changes do not touch', () => {
    const store = new Store<Thing>();
    store.upsert(thing('a', '1'));
    const before = store.list();
    store.upsert(thing('b', '2'));
    expect(names(before)).toEqual(['a']);
    expect(names(store.list())).toEqual(['a', 'b']);
  });

  test('freezes objects all the way down when it is told to', () => {
    const store = new Store<Thing>({ freeze: true });
    store.upsert(thing('a', '1', 'red'));
    const stored = store.get('home/a') ?? thing('missing', '0');
    expect(() => (stored.colors as string[]).push('blue')).toThrow();
    expect(() => Object.assign(stored.metadata, { name: 'b' })).toThrow();
  });
});
