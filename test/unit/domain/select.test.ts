import { describe, expect, test } from '@jest/globals';
import type { LabelSelector } from '../../../src/api/kube.ts';
import { hasLabels, selects } from '../../../src/domain/select.ts';

const labels = { app: 'web', tier: 'front' };
const one = (operator: string, key: string, values?: readonly string[]): LabelSelector =>
  ({ matchExpressions: [{ key, operator, ...(values === undefined ? {} : { values }) }] }) as LabelSelector;

describe('a label selector', () => {
  test.each<[string, LabelSelector, boolean]>([
    ['takes everything when it is empty', {}, true],
    ['takes equal labels', { matchLabels: { app: 'web' } }, true],
    ['refuses another value', { matchLabels: { app: 'db' } }, false],
    ['wants all of its labels', { matchLabels: { app: 'web', zone: 'a' } }, false],
    ['takes a listed value', one('In', 'app', ['db', 'web']), true],
    ['refuses a value that is not listed', one('In', 'app', ['db']), false],
    ['refuses In for a label that is not there', one('In', 'zone', ['a']), false],
    ['takes NotIn for a label that is not there', one('NotIn', 'zone', ['a']), true],
    ['refuses NotIn for a listed value', one('NotIn', 'app', ['web']), false],
    ['takes Exists for a label that is there', one('Exists', 'app'), true],
    ['refuses DoesNotExist for a label that is there', one('DoesNotExist', 'app'), false],
    ['takes DoesNotExist for a label that is not there', one('DoesNotExist', 'zone'), true],
    ['takes nothing by an operator that it does not know', one('Gt', 'app', ['1']), false],
    ['wants labels and expressions together', { matchLabels: { app: 'web' }, ...one('Exists', 'zone') }, false],
  ])('%s', (_, selector, expected) => {
    expect(selects(selector, labels)).toBe(expected);
  });

  test('finds nothing but absence on an object without labels', () => {
    expect(selects({}, undefined)).toBe(true);
    expect(selects(one('DoesNotExist', 'app'), undefined)).toBe(true);
    expect(hasLabels(undefined, { app: 'web' })).toBe(false);
  });
});
