import { describe, expect, test } from '@jest/globals';
import { WorkQueue, type WorkQueueOptions } from '../../../../src/kernel/queue/work-queue.ts';
import { FakeClock } from '../../../support/fake-clock.ts';

function setUp(options: Omit<WorkQueueOptions, 'clock'> = {}) {
  const clock = new FakeClock();
  return { clock, queue: new WorkQueue({ clock, ...options }) };
}

async function takeAll(queue: WorkQueue): Promise<string[]> {
  const keys: string[] = [];
  while (queue.depth > 0) {
    const key = (await queue.take()) ?? '';
    keys.push(key);
    queue.done(key);
  }
  return keys;
}

describe('the work queue', () => {
  test('holds a key once, however often it is added', async () => {
    const { queue } = setUp();
    queue.add('a');
    queue.add('b');
    queue.add('a');
    expect(await takeAll(queue)).toEqual(['a', 'b']);
  });

  test('runs a key that is touched while it is worked on once more, afterwards', async () => {
    const { queue } = setUp();
    queue.add('a');
    expect(await queue.take()).toBe('a');
    queue.add('a');
    queue.add('a');
    expect(queue.depth).toBe(0);
    queue.done('a');
    expect(await takeAll(queue)).toEqual(['a']);
  });

  test('hands out what a user did before what is replayed', async () => {
    const { queue } = setUp();
    queue.add('old-1', 'background');
    queue.add('old-2', 'background');
    queue.add('new', 'user');
    queue.add('old-2', 'user');
    expect(await takeAll(queue)).toEqual(['new', 'old-2', 'old-1']);
  });

  test('does not lower the priority of a key that already waits', async () => {
    const { queue } = setUp();
    queue.add('replayed', 'background');
    queue.add('urgent', 'user');
    queue.add('urgent', 'background');
    expect(await takeAll(queue)).toEqual(['urgent', 'replayed']);
  });

  test('keeps a priority through the second run of a key that was touched while worked on', async () => {
    const { queue } = setUp();
    queue.add('a');
    await queue.take();
    queue.add('a', 'user');
    queue.add('b', 'background');
    queue.done('a');
    expect(await takeAll(queue)).toEqual(['a', 'b']);
  });

  test('keeps the earliest of several wake-ups', async () => {
    const { queue, clock } = setUp();
    queue.addAfter('a', 100);
    queue.addAfter('a', 10);
    queue.addAfter('a', 50);
    await clock.advance(9);
    expect(queue.depth).toBe(0);
    await clock.advance(1);
    expect(await takeAll(queue)).toEqual(['a']);
    await clock.advance(1000);
    expect(queue.depth).toBe(0);
  });

  test('drops a wake-up when an event comes first', async () => {
    const { queue, clock } = setUp();
    queue.addAfter('a', 100);
    queue.add('a');
    expect(await takeAll(queue)).toEqual(['a']);
    await clock.advance(1000);
    expect(queue.depth).toBe(0);
  });

  test('plans no wake-up for a key that runs again anyway', async () => {
    const { queue } = setUp();
    queue.add('a');
    await queue.take();
    queue.add('a');
    queue.addAfter('a', 100);
    queue.done('a');
    expect(queue.delayed).toBe(0);
    expect(queue.depth).toBe(1);
  });

  test('retries a key after 5, 10 and 20 ms, and after 5 ms again once it is forgotten', async () => {
    const { queue, clock } = setUp();
    for (const wait of [5, 10, 20]) {
      queue.retry('a');
      await clock.advance(wait - 1);
      expect(queue.depth).toBe(0);
      await clock.advance(1);
      expect(await takeAll(queue)).toEqual(['a']);
    }
    expect(queue.failures('a')).toBe(3);
    queue.forget('a');
    queue.retry('a');
    await clock.advance(5);
    expect(queue.depth).toBe(1);
  });

  test('never waits longer than the longest pause', async () => {
    const { queue, clock } = setUp({ longestRetryMs: 1000 });
    for (let failure = 0; failure < 60; failure++) {
      queue.retry('a');
      await clock.advance(1000);
      expect(await takeAll(queue)).toEqual(['a']);
    }
  });

  test('waits at least as long as the server asked for', async () => {
    const { queue, clock } = setUp();
    queue.retry('a', 3000);
    await clock.advance(2999);
    expect(queue.depth).toBe(0);
    await clock.advance(1);
    expect(queue.depth).toBe(1);
  });

  test('keeps the pause of a key that failed, whatever hints at it', async () => {
    const { queue, clock } = setUp();
    queue.retry('a', 3000);
    queue.hintAfter('a', 50);
    queue.hintAfter('a', 0);
    await clock.advance(2999);
    expect(queue.depth).toBe(0);
    await clock.advance(1);
    expect(await takeAll(queue)).toEqual(['a']);
  });

  test('keeps the pause also when the hint came while the key was worked on', async () => {
    const { queue, clock } = setUp();
    queue.add('a');
    await queue.take();
    queue.hintAfter('a', 50);
    queue.retry('a', 3000);
    queue.done('a');
    await clock.advance(2999);
    expect(queue.depth).toBe(0);
    await clock.advance(1);
    expect(queue.depth).toBe(1);
  });

  test('does not let a user wait for the pause of a key that failed', async () => {
    const { queue } = setUp();
    queue.retry('a', 3000);
    queue.add('a', 'user');
    expect(await takeAll(queue)).toEqual(['a']);
  });

  test('follows a hint in time when nothing failed, also one that came while the key was worked on', async () => {
    const { queue, clock } = setUp();
    queue.retry('a', 3000);
    queue.add('a');
    await queue.take();
    queue.hintAfter('a', 50);
    queue.forget('a');
    queue.done('a');
    await clock.advance(49);
    expect(queue.depth).toBe(0);
    await clock.advance(1);
    expect(queue.depth).toBe(1);
  });

  test('spreads the retries of many keys over time', async () => {
    const { queue, clock } = setUp({ retriesPerSecond: 10, retryBurst: 5 });
    for (let i = 0; i < 25; i++) queue.retry(`k${i}`);
    await clock.advance(5);
    expect(queue.depth).toBe(5);
    await clock.advance(1000);
    expect(queue.depth).toBe(15);
    await clock.advance(1000);
    expect(queue.depth).toBe(25);
  });

  test('gives a key that failed its old priority back', async () => {
    const { queue, clock } = setUp();
    queue.add('mine', 'user');
    await queue.take();
    queue.retry('mine');
    queue.done('mine');
    queue.add('replayed', 'background');
    await clock.advance(5);
    expect(await takeAll(queue)).toEqual(['mine', 'replayed']);
  });

  test('hands out what is ready after close, then ends every worker', async () => {
    const { queue, clock } = setUp();
    queue.add('ready');
    queue.addAfter('later', 10);
    queue.close();
    queue.add('too late');
    expect(await queue.take()).toBe('ready');
    const waiting = queue.take();
    expect(await waiting).toBeUndefined();
    expect(clock.waiting).toBe(0);
  });

  test('ends workers that already wait when it is closed', async () => {
    const { queue } = setUp();
    const waiting = [queue.take(), queue.take()];
    queue.close({ pending: 'drop' });
    expect(await Promise.all(waiting)).toEqual([undefined, undefined]);
  });

  test('never gives one key to two workers, and loses none', async () => {
    const { queue } = setUp();
    const busy = new Set<string>();
    const runs = new Map<string, number>();
    let shared = 0;
    const work = async () => {
      for (let key = await queue.take(); key !== undefined; key = await queue.take()) {
        if (busy.has(key)) shared += 1;
        busy.add(key);
        await new Promise<void>((resolve) => setImmediate(resolve));
        runs.set(key, (runs.get(key) ?? 0) + 1);
        busy.delete(key);
        queue.done(key);
      }
    };
    const workers = [work(), work(), work(), work()];
    for (let i = 0; i < 500; i++) {
      queue.add(`k${i % 7}`, i % 2 === 0 ? 'user' : 'background');
      if (i % 3 === 0) await new Promise<void>((resolve) => setImmediate(resolve));
    }
    queue.close();
    await Promise.all(workers);
    expect(shared).toBe(0);
    expect([...runs.keys()].sort()).toEqual(['k0', 'k1', 'k2', 'k3', 'k4', 'k5', 'k6']);
  });

  test('takes ten thousand keys in order', async () => {
    const { queue } = setUp();
    const keys = Array.from({ length: 10_000 }, (_, i) => `k${i}`);
    for (const key of keys) queue.add(key, 'background');
    expect(await takeAll(queue)).toEqual(keys);
  });
});
