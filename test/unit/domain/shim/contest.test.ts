// When repairs of a shim are made at once, and when they give way.
import { expect, test } from '@jest/globals';
import { afterRepair, type Contest, contestLeft, PEACE, pauseLeft } from '../../../../src/domain/shim/contest.ts';

const LIMITS = { repairs: 3, windowMs: 10_000, firstPauseMs: 1000, longestPauseMs: 4000 };

function repairedAt(...times: readonly number[]): Contest {
  return times.reduce((contest, now) => afterRepair(contest, now, LIMITS), PEACE);
}

test('a few repairs are accidents', () => {
  const contest = repairedAt(0, 1, 2);
  expect(pauseLeft(contest, 2)).toBe(0);
  expect(contestLeft(contest, 2, LIMITS)).toBe(0);
});

test('one more within the window is a contest: the next repair waits', () => {
  const contest = repairedAt(0, 1, 2, 3);
  expect(pauseLeft(contest, 3)).toBe(1000);
  expect(pauseLeft(contest, 503)).toBe(500);
  expect(pauseLeft(contest, 1003)).toBe(0);
  expect(contestLeft(contest, 3, LIMITS)).toBe(11_000);
});

test('pauses double up to the longest', () => {
  let contest = repairedAt(0, 1, 2, 3);
  const pauses: number[] = [];
  for (let i = 0; i < 4; i++) {
    contest = afterRepair(contest, contest.until, LIMITS);
    pauses.push(contest.until);
  }
  expect(pauses).toEqual([3003, 7003, 11_003, 15_003]);
});

test('repairs that are far apart are no contest', () => {
  const contest = repairedAt(0, 11_000, 22_000, 33_000, 44_000, 55_000);
  expect(pauseLeft(contest, 55_000)).toBe(0);
});

test('a quiet time as long as the window is peace', () => {
  const contest = repairedAt(0, 1, 2, 3);
  expect(contestLeft(contest, 11_003, LIMITS)).toBe(0);
  expect(pauseLeft(afterRepair(contest, 11_003, LIMITS), 11_003)).toBe(0);
});
