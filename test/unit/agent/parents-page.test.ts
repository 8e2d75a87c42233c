// The page on parents and the tests of its rows are one table: neither may have a row that the other lacks.
import { readFileSync } from 'node:fs';
import { expect, test } from '@jest/globals';
import { isProblemCode } from '../../../src/domain/attachment/problem-order.ts';

const [, , ...rows] = [...readFileSync('docs/reference/parents.md', 'utf8').matchAll(/^\| (.+) \|$/gm)].map(
  ([, row = '']) => row.split(' | '),
);
const tests = readFileSync('test/netns/parents.test.ts', 'utf8');

test('every row of the page on parents is a test of that title, in the same order', () => {
  const titles = [...tests.matchAll(/^ {2}test\('(.+)', async/gm)].map((match) => match[1]);
  expect(titles.length).toBeGreaterThan(15);
  expect(rows.map(([event]) => event)).toEqual(titles);
});

test('every row says what becomes of all five, and names problems that there are', () => {
  for (const row of rows) {
    expect(row.filter((cell) => cell.trim() !== '')).toHaveLength(6);
    const problem = /`Failed`, `(\w+)`/.exec(row[3] ?? '')?.[1];
    if (problem !== undefined) expect(isProblemCode(problem)).toBe(true);
    expect(['on', 'off']).toContain(row[4]);
  }
});
