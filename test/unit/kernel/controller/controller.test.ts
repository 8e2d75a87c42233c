import { describe, expect, test } from '@jest/globals';
import { type Answer, Controller, type ControllerOptions } from '../../../../src/kernel/controller/controller.ts';
import { ApiError } from '../../../../src/kernel/kube/transport.ts';
import { monotonicClock } from '../../../../src/kernel/process/clock.ts';
import { FakeClock, settle } from '../../../support/fake-clock.ts';
import { recordingLogger, silentLogger } from '../../../support/silent-logger.ts';
import { until } from '../../../support/until.ts';

const done: Answer = { type: 'done' };

function setUp(reconcile: ControllerOptions['reconcile'], options: Partial<ControllerOptions> = {}) {
  const clock = new FakeClock();
  const controller = new Controller({ name: 'test', reconcile, clock, logger: silentLogger(), ...options });
  const stop = new AbortController();
  const start = () => controller.run(stop.signal);
  return { clock, controller, stop, start };
}

function counting(answers: readonly (Answer | Error)[]) {
  let runs = 0;
  const reconcile = async (): Promise<Answer> => {
    const answer = answers[runs] ?? done;
    runs += 1;
    if (answer instanceof Error) throw answer;
    return answer;
  };
  return { reconcile, runs: () => runs };
}

describe('the controller loop', () => {
  test('works on keys that came in before it was started', async () => {
    const keys: string[] = [];
    const { controller, start } = setUp(async (key) => {
      keys.push(key);
      return done;
    });
    controller.enqueue('a');
    controller.enqueue('b');
    void start();
    await settle();
    expect(keys).toEqual(['a', 'b']);
  });

  test('comes back after the time that the reconciler named', async () => {
    const { reconcile, runs } = counting([{ type: 'later', ms: 60_000 }]);
    const { controller, clock, start } = setUp(reconcile);
    controller.enqueue('a');
    void start();
    await clock.advance(59_999);
    expect(runs()).toBe(1);
    await clock.advance(1);
    expect(runs()).toBe(2);
  });

  test('backs off from a failure that wakes its own key by the report about it', async () => {
    let runs = 0;
    const { controller, clock, start } = setUp(async (key): Promise<Answer> => {
      runs += 1;
      controller.hintAfter(key, 50); // the watch brings back what was just written
      throw new Error(`refused, the ${runs}th time`);
    });
    controller.enqueue('a');
    void start();
    await clock.advance(60_000);
    expect(runs).toBeLessThan(20);
  });

  test('leaves a blocked key alone until something changes', async () => {
    const { reconcile, runs } = counting([{ type: 'blocked' }]);
    const { controller, clock, start } = setUp(reconcile);
    controller.enqueue('a');
    void start();
    await clock.advance(24 * 3_600_000);
    expect(runs()).toBe(1);
    controller.enqueue('a');
    await clock.advance(0);
    expect(runs()).toBe(2);
  });

  test('treats an error that was thrown like an answer to retry, with growing pauses', async () => {
    const { reconcile, runs } = counting([new Error('one'), { type: 'retry', error: new Error('two') }, done]);
    const { controller, clock, start } = setUp(reconcile);
    controller.enqueue('a');
    void start();
    await clock.advance(4);
    expect(runs()).toBe(1);
    await clock.advance(1);
    expect(runs()).toBe(2);
    await clock.advance(9);
    expect(runs()).toBe(2);
    await clock.advance(1);
    expect(runs()).toBe(3);
    await clock.advance(3_600_000);
    expect(runs()).toBe(3);
  });

  test('obeys a server that asks to stay away', async () => {
    const { reconcile, runs } = counting([new ApiError('too many', { status: 429, retryAfterMs: 7000 })]);
    const { controller, clock, start } = setUp(reconcile);
    controller.enqueue('a');
    void start();
    await clock.advance(6999);
    expect(runs()).toBe(1);
    await clock.advance(1);
    expect(runs()).toBe(2);
  });

  test('logs a failure once, with its cause, and a first conflict only for debugging', async () => {
    const { logger, lines } = recordingLogger();
    const failure = new Error('applying x', { cause: new Error('no route') });
    const { reconcile } = counting([failure, new ApiError('changed', { status: 409 })]);
    const { controller, clock, start } = setUp(reconcile, { logger });
    controller.enqueue('a');
    void start();
    await clock.advance(100);
    const told = lines.map((line) => [line['level'], line['key'], line['msg']]);
    expect(told).toEqual([
      [40, 'a', 'reconcile failed, trying again'],
      [20, 'a', 'reconcile met a conflict, trying again'],
    ]);
    expect(JSON.stringify(lines[0])).toContain('no route');
  });

  test('works on as many keys at a time as it was told, and never twice on one', async () => {
    const busy = new Set<string>();
    let most = 0;
    const ends: (() => void)[] = [];
    const { controller, start } = setUp(
      async (key) => {
        expect(busy.has(key)).toBe(false);
        busy.add(key);
        most = Math.max(most, busy.size);
        await new Promise<void>((resolve) => ends.push(resolve));
        busy.delete(key);
        return done;
      },
      { concurrency: 3 },
    );
    for (const key of ['a', 'b', 'c', 'd', 'a']) controller.enqueue(key);
    void start();
    for (let turn = 0; turn < 6; turn++) {
      await settle();
      ends.shift()?.();
    }
    expect(most).toBe(3);
  });

  test('ends only when the running reconcile has ended, and starts no other', async () => {
    let finish = () => {};
    const keys: string[] = [];
    const { controller, stop, start } = setUp(async (key) => {
      keys.push(key);
      await new Promise<void>((resolve) => {
        finish = resolve;
      });
      return done;
    });
    controller.enqueue('running');
    controller.enqueue('waiting');
    let ended = false;
    const run = start().then(() => {
      ended = true;
    });
    await settle();
    stop.abort();
    await settle();
    expect(ended).toBe(false);
    finish();
    await run;
    expect(keys).toEqual(['running']);
  });

  test('aborts a reconcile that runs on for 30 s after the stop', async () => {
    let hurried = false;
    const { controller, clock, stop, start } = setUp(async (_, signal) => {
      await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve()));
      hurried = true;
      return done;
    });
    controller.enqueue('a');
    const run = start();
    await settle();
    stop.abort();
    await clock.advance(29_999);
    expect(hurried).toBe(false);
    await clock.advance(1);
    await run;
    expect(hurried).toBe(true);
  });

  test('works no more once it may not', async () => {
    let leads = true;
    const { reconcile, runs } = counting([]);
    const { controller, clock, start } = setUp(reconcile, { mayWork: () => leads });
    void start();
    controller.enqueue('a');
    await clock.advance(0);
    leads = false;
    controller.enqueue('b');
    await clock.advance(1000);
    expect(runs()).toBe(1);
  });

  test('tells its metrics what came out and how deep the queue is', async () => {
    const answers: string[] = [];
    const told: string[] = [];
    let depth = () => -1;
    let busy = () => -1;
    const { controller, clock, start } = setUp(counting([{ type: 'blocked' }, new Error('no')]).reconcile, {
      metrics: {
        reconciled: (name, answer) => answers.push(`${name} ${answer}`),
        queue: (_, current) => {
          depth = current;
        },
        workers: (_, gauges) => {
          busy = gauges.busy;
        },
        added: (name) => told.push(`${name} added`),
        waited: (name, seconds) => told.push(`${name} waited ${seconds}`),
        retried: (name) => told.push(`${name} retried`),
      },
    });
    controller.enqueue('a');
    controller.enqueue('b');
    controller.enqueue('b');
    expect(depth()).toBe(2);
    await clock.advance(500);
    void start();
    await clock.advance(1);
    expect(answers).toEqual(['test blocked', 'test retry']);
    expect(told).toEqual(['test added', 'test added', 'test waited 0.5', 'test waited 0.5', 'test retried']);
    expect(depth()).toBe(0);
    expect(busy()).toBe(0);
  });

  test('lets other work have its turn while reconciles that need no I/O follow each other', async () => {
    let others = 0;
    let seenByLast = -1;
    const reconcile = async (key: string): Promise<Answer> => {
      const end = performance.now() + 2;
      while (performance.now() < end);
      if (key === 'k49') seenByLast = others;
      return done;
    };
    const { controller, stop, start } = setUp(reconcile, { clock: monotonicClock });
    for (let i = 0; i < 50; i++) controller.enqueue(`k${i}`);
    const run = start();
    const tick = () => {
      others += 1;
      if (seenByLast < 0) setImmediate(tick);
    };
    setImmediate(tick);
    await until('the last key', () => seenByLast >= 0);
    stop.abort();
    await run;
    expect(seenByLast).toBeGreaterThan(2);
  });
});
