import { describe, expect, test } from '@jest/globals';
import type { KubeObject } from '../../../../src/api/kube.ts';
import { covers, diffObjects } from '../../../../src/domain/objects/diff.ts';
import { isEqual } from '../../../../src/domain/objects/equal.ts';

interface Thing extends KubeObject {
  readonly spec?: unknown;
}
const thing = (name: string, spec: unknown = {}, metadata = {}): Thing => ({ metadata: { name, ...metadata }, spec });
const told = (wanted: readonly Thing[], actual: readonly Thing[]) =>
  diffObjects(wanted, actual).map((action) => `${action.type} ${action.object.metadata.name}: ${action.because}`);

describe('the difference between wanted and found objects', () => {
  test('is empty when everything is as it should be', () => {
    expect(told([thing('a', { x: 1 })], [thing('a', { x: 1 })])).toEqual([]);
  });

  test('names what is missing, what differs and where, and what is too much, sorted by name', () => {
    const wanted = [thing('d', { x: 1 }), thing('b', { x: { y: [1, 2] } }), thing('a')];
    const actual = [thing('c'), thing('b', { x: { y: [1, 3] } }), thing('d', { x: 1 })];
    expect(told(wanted, actual)).toEqual([
      'create a: not there',
      'apply b: .spec.x.y[1] differs',
      'delete c: no longer wanted',
    ]);
  });

  test('does not delete twice', () => {
    expect(told([], [thing('a', {}, { deletionTimestamp: '2026-01-01T00:00:00Z' })])).toEqual([]);
  });

  test('tells namespaces apart', () => {
    expect(told([thing('a', {}, { namespace: 'x' })], [thing('a', {}, { namespace: 'y' })])).toEqual([
      'create a: not there',
      'delete a: no longer wanted',
    ]);
  });
});

describe('what is wanted is covered', () => {
  test.each<[string, unknown, unknown, boolean]>([
    ['by the same', { a: 1 }, { a: 1 }, true],
    ['by more fields than wanted', { a: 1 }, { a: 1, b: 2 }, true],
    ['not by another value', { a: 1 }, { a: 2 }, false],
    ['not by a missing field', { a: 1 }, {}, false],
    ['by anything where the wish is undefined', { a: undefined }, {}, true],
    [
      'by a named item that has more fields, wherever it stands',
      [{ name: 'x', v: 1 }],
      [{ name: 'y' }, { name: 'x', v: 1, w: 2 }],
      true,
    ],
    ['not by another named item', [{ name: 'x' }], [{ name: 'y' }], false],
    ['not by a longer list of plain values', ['a'], ['a', 'b'], false],
    ['not by a list in another order', ['a', 'b'], ['b', 'a'], false],
    ['not by a list in the place of an object', { a: 1 }, [1], false],
    ['not by an object in the place of a list', [1], { 0: 1 }, false],
    ['not by nothing', { a: { b: 1 } }, { a: null }, false],
  ])('%s', (_, wanted, actual, expected) => {
    expect(covers(wanted, actual)).toBe(expected);
  });
});

describe('two JSON values are equal', () => {
  test.each<[string, unknown, unknown, boolean]>([
    ['whatever the order of their keys', { a: 1, b: [2] }, { b: [2], a: 1 }, true],
    ['when one has a key that is undefined', { a: 1, b: undefined }, { a: 1 }, true],
    ['but not when one has more', { a: 1 }, { a: 1, b: null }, false],
    ['but not when lists differ in length', [1], [1, 2], false],
    ['but not when one is a list', [], {}, false],
    ['but not when one is null', {}, null, false],
  ])('%s', (_, a, b, expected) => {
    expect(isEqual(a, b)).toBe(expected);
    expect(isEqual(b, a)).toBe(expected);
  });
});
