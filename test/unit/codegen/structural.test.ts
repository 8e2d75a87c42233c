import { describe, expect, test } from '@jest/globals';
import type { TypeSchema } from '../../../src/codegen/schema.ts';
import { toStructural } from '../../../src/codegen/structural.ts';

function convert(root: TypeSchema, definitions: Record<string, TypeSchema> = {}) {
  return toStructural({ root, definitions });
}

function object(properties: Record<string, TypeSchema>, more: TypeSchema = {}): TypeSchema {
  return { type: 'object', properties, additionalProperties: false, ...more };
}

describe('a named type', () => {
  const definitions = {
    Cidr: {
      type: 'string',
      description: 'A subnet.',
      maxLength: 43,
      validation: { rule: 'isCIDR(self)', message: 'a' },
    },
  };

  test('is written out where it is used, with its own words and limits', () => {
    const { properties } = convert(object({ subnet: { $ref: '#/definitions/Cidr' } }), definitions);
    expect(properties?.['subnet']).toEqual({
      type: 'string',
      description: 'A subnet.',
      maxLength: 43,
      'x-kubernetes-validations': [{ rule: 'isCIDR(self)', message: 'a' }],
    });
  });

  test('gives way to what is said where it is used; the rules of both hold', () => {
    const use = {
      $ref: '#/definitions/Cidr',
      description: 'The LAN.',
      validation: [{ rule: 'self != "x"', message: 'b' }],
    };
    const { properties } = convert(object({ subnet: use }), definitions);
    expect(properties?.['subnet']?.description).toBe('The LAN.');
    expect(properties?.['subnet']?.['x-kubernetes-validations']?.map(({ message }) => message)).toEqual(['a', 'b']);
  });

  test('may have a name that is no word, such as Readonly<Record<string, string>>', () => {
    const name = 'Readonly<Record<string,string>>';
    const use = { $ref: `#/definitions/${encodeURIComponent(name)}` };
    const schemas = { [name]: { type: 'object', additionalProperties: { type: 'string' } } };
    expect(convert(object({ labels: use }), schemas).properties?.['labels']).toEqual({
      type: 'object',
      additionalProperties: { type: 'string' },
    });
  });

  test('that contains itself is refused with its name', () => {
    const tree = object({ child: { $ref: '#/definitions/Tree' } });
    expect(() => convert(tree, { Tree: tree })).toThrow('.child.child: type Tree contains itself');
  });
});

test('an object of which only some keys are known keeps the others, and says so to the API server', () => {
  const plugin = {
    type: 'object',
    properties: { type: { type: 'string' } },
    required: ['type'],
    additionalProperties: {},
    preserveUnknownFields: true,
  };
  expect(convert(plugin)).toEqual({
    type: 'object',
    properties: { type: { type: 'string' } },
    required: ['type'],
    'x-kubernetes-preserve-unknown-fields': true,
  });
});

describe('a field', () => {
  const field = (schema: TypeSchema) => convert(object({ field: schema })).properties?.['field'];

  test('of one constant is a choice with one value', () => {
    expect(field({ type: 'string', const: 'Attached' })).toEqual({ type: 'string', enum: ['Attached'] });
  });

  test('that may be null is nullable, and null is no value of its choice', () => {
    const choice = { type: ['string', 'null'], enum: ['a', null] };
    expect(field(choice)).toEqual({ type: 'string', nullable: true, enum: ['a'] });
  });

  test('that is a list keeps its kind of list, and describes the list only', () => {
    const items = object({ name: { type: 'string' } }, { description: 'One.', required: ['name'] });
    const list = { type: 'array', description: 'All.', items, listType: 'map', listMapKeys: ['name'] };
    expect(field(list)).toEqual({
      type: 'array',
      description: 'All.',
      items: { type: 'object', properties: { name: { type: 'string' } }, required: ['name'] },
      'x-kubernetes-list-type': 'map',
      'x-kubernetes-list-map-keys': ['name'],
    });
  });

  test.each<[string, TypeSchema, string]>([
    ['a number that may have a fraction', { type: 'number' }, '.field: say @asType integer'],
    ['a union of types', { type: ['string', 'integer'] }, '.field: exactly one type is needed'],
    ['a union of objects', { anyOf: [{ type: 'object' }, { type: 'object' }] }, 'not expressible in a CRD: anyOf'],
    ['a tuple', { type: 'array', items: [{ type: 'string' }] }, '.field: a tuple is not expressible'],
    ['a keyword that nobody translates', { type: 'string', contentMediaType: 'a' }, 'contentMediaType'],
  ])('that is %s is refused, and named', (_what, schema, complaint) => {
    expect(() => field(schema)).toThrow(complaint);
  });
});
