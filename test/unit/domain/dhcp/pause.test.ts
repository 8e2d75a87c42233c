import { expect, test } from '@jest/globals';
import { type Failure, failedAgain, isPaused } from '../../../../src/domain/dhcp/pause.ts';

/** So long a lease is left alone after each of ten failures, in seconds. */
function pausesAfter(because: string): readonly number[] {
  let failure: Failure | undefined;
  return Array.from({ length: 10 }, () => {
    failure = failedAgain(failure, because, 0);
    let seconds = 0;
    while (isPaused(failure, seconds * 1000)) seconds++;
    return seconds;
  });
}

test('what never failed is not left alone', () => {
  expect(isPaused(undefined, 0)).toBe(false);
});

test('a link that is gone is asked for after ever longer pauses, up to ten minutes', () => {
  expect(pausesAfter('Link not found')).toEqual([15, 30, 60, 120, 240, 480, 600, 600, 600, 600]);
});

test('a silent server is asked again after a minute at most', () => {
  expect(pausesAfter('no more tries')).toEqual([15, 30, 60, 60, 60, 60, 60, 60, 60, 60]);
});
