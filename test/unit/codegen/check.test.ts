import { describe, expect, test } from '@jest/globals';
import { checkStructural } from '../../../src/codegen/check.ts';
import type { StructuralSchema } from '../../../src/codegen/structural.ts';

const rules = [{ rule: 'true', message: 'm' }];

function withField(field: StructuralSchema): StructuralSchema {
  return { type: 'object', properties: { field: { description: 'd', ...field } } };
}

describe('the checker', () => {
  test('has nothing to say about a schema that is good', () => {
    const items: StructuralSchema = { type: 'string', maxLength: 9, 'x-kubernetes-validations': rules };
    expect(checkStructural(withField({ type: 'array', maxItems: 3, items, default: [] }))).toEqual([]);
  });

  test.each<[string, StructuralSchema, string]>([
    ['a type that no CRD knows', { type: 'number' }, '.field: type number is not one of'],
    ['a rule on a string of any length', { type: 'string', 'x-kubernetes-validations': rules }, 'needs @maxLength'],
    [
      'a list of any length with rules inside',
      { type: 'array', items: { type: 'object', 'x-kubernetes-validations': rules } },
      '.field: a list with rules inside needs @maxItems',
    ],
    [
      'a map of any size with rules inside',
      { type: 'object', additionalProperties: { type: 'string', maxLength: 1, 'x-kubernetes-validations': rules } },
      '.field: a map with rules inside needs @maxProperties',
    ],
    [
      'a map list without keys',
      { type: 'array', items: { type: 'object' }, 'x-kubernetes-list-type': 'map' },
      '@listMapKeys',
    ],
    [
      'a map list whose key may be missing',
      {
        type: 'array',
        items: { type: 'object' },
        'x-kubernetes-list-type': 'map',
        'x-kubernetes-list-map-keys': ['name'],
      },
      'must be required fields',
    ],
    ['a required field that does not exist', { type: 'object', required: ['x'] }, '.field: required but not there: x'],
    [
      'a default that is no value of the choice',
      { type: 'string', enum: ['a'], default: 'b' },
      'not one of the values',
    ],
    ['a default of another type', { type: 'integer', default: 'b' }, 'the default is of type string, not integer'],
    [
      'a map with fixed fields',
      { type: 'object', properties: {}, additionalProperties: { type: 'string' } },
      'exclude each other',
    ],
    ['a field that nobody described', { type: 'string', description: '' }, 'no description: .field'],
  ])('finds %s', (_what, field, complaint) => {
    const violations = checkStructural(withField(field));
    expect(violations).toHaveLength(1);
    expect(violations[0]).toContain(complaint);
  });
});
