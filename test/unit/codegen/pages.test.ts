// The reference pages that are written by hand have to keep up with the names in the code.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import * as multus from '../../../src/api/multus.ts';
import * as names from '../../../src/api/names.ts';
import { EVENT_SECTIONS } from '../../../src/codegen/events-reference.ts';
import { actionFor, tellingOf } from '../../../src/domain/attachment/announce.ts';
import { isProblemCode } from '../../../src/domain/attachment/problem-order.ts';
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
  const ROW = /^\| `(\w+)` \| `(\w+)` \| (.*?) \|/gm;
  const rows = [...page('events').matchAll(ROW)];
  const told = rows.map(([, reason = '']) => reason);

  test('has every problem of an attachment, since each of them becomes an event', () => {
    expect(told).toEqual(expect.arrayContaining(Object.keys(PROBLEMS)));
    expect(told).toEqual(EVENT_SECTIONS.flatMap(({ events }) => events.map(({ reason }) => reason)));
  });

  test('says when each of these is told, and what was being done', () => {
    const attachments = page('events').split('\n## ')[1] ?? '';
    for (const [, reason = '', action, when = ''] of attachments.matchAll(ROW)) {
      if (!isProblemCode(reason)) continue;
      expect(action).toBe(actionFor(reason));
      expect(when.includes('lasted')).toBe(tellingOf(reason) === 'OnceItLasts');
      expect(when.includes('attempt')).toBe(tellingOf(reason) === 'EachAttempt');
    }
  });

  // A new event fails here: add a section to src/codegen/events-reference.ts.
  test('names every file that records events, and no other', () => {
    const files = sources().filter(({ text }) => text.includes('.record({'));
    expect(EVENT_SECTIONS.map(({ recordedIn }) => recordedIn).toSorted()).toEqual(
      files.map(({ path }) => path).toSorted(),
    );
    for (const { path } of files) expect(page('events')).toContain(`Recorded in \`${path}\`.`);
  });

  test('is right about what is a warning, and knows every reason that is spelled out where they are recorded', () => {
    for (const { text } of sources()) {
      for (const [, call = ''] of text.matchAll(/\.record\(\{([^}]*)\}/g)) {
        // Types that are not spelled out come from the table that the page is made of.
        expect(call).toMatch(/type(: 'Warning')?, reason/);
        const literals = [...call.matchAll(/reason: '(\w+)'/g)].map((match) => match[1]);
        expect(told).toEqual(expect.arrayContaining(literals));
      }
    }
  });
});

/** The files of both processes. */
function sources(): readonly { readonly path: string; readonly text: string }[] {
  return ['src/controller', 'src/agent'].flatMap((folder) =>
    readdirSync(folder, { recursive: true, encoding: 'utf8' })
      .filter((file) => file.endsWith('.ts'))
      .map((file) => join(folder, file))
      .map((path) => ({ path, text: readFileSync(path, 'utf8') })),
  );
}
