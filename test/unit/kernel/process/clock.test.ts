import { describe, expect, jest, test } from '@jest/globals';
import { jitter, monotonicClock, sleep } from '../../../../src/kernel/process/clock.ts';
import { FakeClock, settle } from '../../../support/fake-clock.ts';

describe('sleep', () => {
  test('ends when its time is over', async () => {
    const clock = new FakeClock();
    let awake = false;
    void sleep(clock, 100).then(() => {
      awake = true;
    });
    await clock.advance(99);
    expect(awake).toBe(false);
    await clock.advance(1);
    expect(awake).toBe(true);
  });

  test('ends early when its signal aborts, and leaves no timer behind', async () => {
    const clock = new FakeClock();
    const stop = new AbortController();
    const sleeping = sleep(clock, 100, stop.signal);
    stop.abort();
    await sleeping;
    expect(clock.waiting).toBe(0);
    await sleep(clock, 100, stop.signal);
  });
});

describe('a clock', () => {
  test('does not take a wait of a month for none', async () => {
    jest.useFakeTimers();
    let woken = false;
    monotonicClock.after(30 * 24 * 3_600_000, () => {
      woken = true;
    });
    await jest.advanceTimersByTimeAsync(29 * 24 * 3_600_000);
    expect(woken).toBe(false);
    await jest.advanceTimersByTimeAsync(24 * 3_600_000);
    expect(woken).toBe(true);
    jest.useRealTimers();
  });

  test('calls nothing that was cancelled', async () => {
    let called = false;
    monotonicClock.after(0, () => {
      called = true;
    })();
    await settle();
    expect(called).toBe(false);
  });
});

test('jitter takes away at most half', () => {
  for (let i = 0; i < 100; i++) {
    expect(jitter(100)).toBeGreaterThanOrEqual(50);
    expect(jitter(100)).toBeLessThanOrEqual(100);
  }
});
