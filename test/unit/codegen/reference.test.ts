import { readFileSync } from 'node:fs';
import { describe, expect, test } from '@jest/globals';
import { KINDS } from '../../../src/codegen/kinds.ts';
import { generateOutputs } from '../../../src/codegen/outputs.ts';
import { apiReference, problemsReference } from '../../../src/codegen/reference.ts';
import type { StructuralSchema } from '../../../src/codegen/structural.ts';
import { aspectOf } from '../../../src/domain/attachment/problem-order.ts';
import { PROBLEMS, REASONS } from '../../../src/domain/problem.ts';

const [attachment] = KINDS;
if (attachment === undefined) throw new Error('there are no kinds');

describe('the reference of the API', () => {
  const spec: StructuralSchema = {
    type: 'object',
    required: ['names'],
    properties: {
      names: { type: 'array', description: 'All | names.', maxItems: 3, items: { type: 'string' } },
      mode: { type: 'string', enum: ['a', 'b'], default: 'a', description: 'How.' },
      ports: {
        type: 'array',
        description: 'Ports.',
        items: {
          type: 'object',
          'x-kubernetes-validations': [{ rule: 'r', message: 'must be low' }],
          properties: { port: { type: 'integer', description: 'One.', minimum: 1, maximum: 9 } },
        },
      },
    },
  };
  const page = apiReference([{ definition: attachment, schema: { type: 'object', properties: { spec } } }]);

  test('has a row per field with type, default, limits and rules', () => {
    expect(page.split('\n').filter((line) => line.startsWith('| `spec'))).toEqual([
      '| `spec.names` | list of string | required | All \\| names. At most 3 entries. |',
      '| `spec.mode` | `a`, `b` | `"a"` | How. |',
      '| `spec.ports` | list of object |  | Ports. *Must be low.* |',
      '| `spec.ports[].port` | integer |  | One. From 1 to 9. |',
    ]);
  });
});

describe('the reference of problems', () => {
  const page = problemsReference({ problems: PROBLEMS, reasons: REASONS, conditionOf: aspectOf, identityProblems: {} });

  test('lists every code of the tables with its meaning', () => {
    for (const [code, meaning] of Object.entries({ ...PROBLEMS, ...REASONS })) {
      expect(page.split('\n').find((line) => line.startsWith(`| \`${code}\``))).toContain(`| ${meaning} |`);
    }
  });

  test('says under which condition a problem is found', () => {
    expect(page).toContain('| `ParentMissing` | `ParentsReady` | No NIC of the node matches. |');
  });
});

const root = `${import.meta.dirname}/../../..`;
const outputs = await generateOutputs(root);

describe('everything generated', () => {
  test('is the same when it is generated again', async () => {
    expect(await generateOutputs(root)).toEqual(outputs);
  });

  test.each(outputs.map(({ path, text }) => [path, text] as const))(
    '%s is up to date in the checkout',
    (path, text) => {
      expect(readFileSync(`${root}/${path}`, 'utf8')).toBe(text);
    },
  );
});
