// The reference pages that are written by hand have to keep up with the names in the code.
import { readFileSync } from 'node:fs';
import { describe, expect, test } from '@jest/globals';
import * as multus from '../../../src/api/multus.ts';
import * as names from '../../../src/api/names.ts';

function page(name: string): string {
  return readFileSync(`docs/reference/${name}.md`, 'utf8');
}

const spoken: readonly (readonly [string, unknown])[] = Object.entries({ ...names, ...multus }).filter(([constant]) =>
  /^(LABEL|ANNOTATION|MANAGER|FINALIZER)|_PREFIX$/.test(constant),
);

describe('the page on labels and annotations', () => {
  test.each(spoken)('explains %s, which is %s', (_constant, value) => {
    expect(page('labels-and-annotations')).toContain(`\`${value}`);
  });
});

describe('the page on conditions', () => {
  test('has every condition, in the order in which they are shown', () => {
    const rows = [...page('conditions').matchAll(/^\| `(\w+)` \|/gm)].map((match) => match[1]);
    expect(rows).toEqual([...names.CONDITIONS]);
  });
});
