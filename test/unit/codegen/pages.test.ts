// The reference pages that are written by hand have to keep up with the names in the code.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import * as multus from '../../../src/api/multus.ts';
import * as names from '../../../src/api/names.ts';
import { actionFor, tellingOf } from '../../../src/domain/attachment/announce.ts';
import { PROBLEMS } from '../../../src/domain/problem.ts';

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

describe('the page on events', () => {
  const rows = [...page('events').matchAll(/^\| `(\w+)` \| `(\w+)` \| (.*?) \|/gm)];
  const told = rows.map(([, reason = '']) => reason);

  test('has every problem, since each of them becomes an event', () => {
    expect(told).toEqual(Object.keys(PROBLEMS));
  });

  test('says when each is told, and what was being done', () => {
    for (const [, reason = '', action, when = ''] of rows) {
      expect(action).toBe(actionFor(reason));
      expect(when.includes('lasted')).toBe(tellingOf(reason) === 'OnceItLasts');
      expect(when.includes('attempt')).toBe(tellingOf(reason) === 'EachAttempt');
    }
  });

  // Whoever adds an event of another kind has to extend the page, and this test.
  test('misses no event that the code writes: all of them are warnings about an attachment, with a problem for a reason', () => {
    const calls = sources().flatMap((text) =>
      [...text.matchAll(/\.record\(\{([^}]*)\}/g)].map((match) => match[1] ?? ''),
    );
    expect(calls).toHaveLength(1);
    for (const call of calls) {
      const literals = [...call.matchAll(/reason: '(\w+)'/g)].map((match) => match[1]);
      expect(literals.filter((reason) => !told.includes(reason ?? ''))).toEqual([]);
      expect(call).toMatch(/type: 'Warning', reason, action: actionFor\(reason\)/);
    }
  });
});

/** The texts of both processes' files. */
function sources(): readonly string[] {
  return ['src/controller', 'src/agent'].flatMap((folder) =>
    readdirSync(folder, { recursive: true, encoding: 'utf8' })
      .filter((file) => file.endsWith('.ts'))
      .map((file) => readFileSync(join(folder, file), 'utf8')),
  );
}
