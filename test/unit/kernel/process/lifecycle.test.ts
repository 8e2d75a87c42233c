import { describe, expect, test } from '@jest/globals';
import { background, Lifecycle, type Part } from '../../../../src/kernel/process/lifecycle.ts';
import { FakeClock, settle } from '../../../support/fake-clock.ts';
import { recordingLogger } from '../../../support/silent-logger.ts';

function setUp() {
  const story: string[] = [];
  const stop = new AbortController();
  const clock = new FakeClock();
  const { logger, lines } = recordingLogger();
  const part = (name: string, more: Partial<Part> = {}): Part => ({
    name,
    start: async () => void story.push(`${name} starts`),
    stop: async () => void story.push(`${name} stops`),
    ...more,
  });
  const run = (...parts: Part[]) => new Lifecycle({ logger, parts, clock, stopMs: 1000 }).run(stop.signal);
  return { story, stop, clock, lines, part, run };
}

const never = () => new Promise<void>(() => {});

describe('a lifecycle', () => {
  test('starts its parts in order and stops them in reverse', async () => {
    const { story, stop, part, run } = setUp();
    const end = run(part('probes'), part('caches'), part('leader'), part('workers'));
    await settle();
    stop.abort();
    await end;
    expect(story).toEqual([
      'probes starts',
      'caches starts',
      'leader starts',
      'workers starts',
      'workers stops',
      'leader stops',
      'caches stops',
      'probes stops',
    ]);
  });

  test('starts nothing more, and stops what it has begun, when the end comes while a part is starting', async () => {
    const { story, stop, part, run } = setUp();
    const waiting = part('leader', {
      start: ({ signal }) => new Promise((resolve) => signal.addEventListener('abort', () => resolve())),
    });
    const end = run(part('probes'), waiting, part('workers'));
    await settle();
    stop.abort();
    await end;
    expect(story).toEqual(['probes starts', 'leader stops', 'probes stops']);
  });

  test('fails at once, without an ordered stop, when a part says so', async () => {
    const { story, part, run } = setUp();
    let fail = (_: Error) => {};
    const fatal = part('leader', {
      start: async (context) => {
        fail = context.fail;
      },
    });
    const end = run(part('probes'), fatal, part('workers'));
    await settle();
    fail(new Error('leadership lost'));
    await expect(end).rejects.toThrow('leadership lost');
    expect(story).toEqual(['probes starts', 'workers starts']);
  });

  test('fails when a part cannot be started', async () => {
    const { part, run } = setUp();
    const broken = part('probes', { start: () => Promise.reject(new Error('port taken')) });
    await expect(run(broken)).rejects.toThrow('port taken');
  });

  test('goes on stopping when a part fails to stop or hangs, and says which', async () => {
    const { story, stop, clock, lines, part, run } = setUp();
    const end = run(
      part('probes'),
      part('hangs', { stop: never }),
      part('throws', { stop: () => Promise.reject(new Error('no')) }),
    );
    await settle();
    stop.abort();
    await clock.advance(1000);
    await end;
    expect(story.at(-1)).toBe('probes stops');
    expect(lines.filter((line) => line['level'] === 50).map((line) => [line['part'], line['msg']])).toEqual([
      ['throws', 'failed to stop'],
      ['hangs', 'did not stop in time'],
    ]);
  });
});

describe('a part in the background', () => {
  test('lets the next part start when it is ready, and is awaited when it stops', async () => {
    const { story, stop, part, run } = setUp();
    let ready = () => {};
    const readiness = new Promise<void>((resolve) => {
      ready = resolve;
    });
    const caches = background({
      name: 'caches',
      ready: () => readiness,
      run: async (signal) => {
        await new Promise((resolve) => signal.addEventListener('abort', resolve));
        story.push('caches ended');
      },
    });
    const end = run(part('probes'), caches, part('workers'));
    await settle();
    expect(story).toEqual(['probes starts']);
    ready();
    await settle();
    stop.abort();
    await end;
    expect(story).toEqual(['probes starts', 'workers starts', 'workers stops', 'caches ended', 'probes stops']);
  });

  test('does not hold up the end while it is not ready', async () => {
    const { story, stop, part, run } = setUp();
    const caches = background({
      name: 'caches',
      ready: never,
      run: (signal) => new Promise((resolve) => signal.addEventListener('abort', () => resolve())),
    });
    const end = run(part('probes'), caches, part('workers'));
    await settle();
    stop.abort();
    await end;
    expect(story).toEqual(['probes starts', 'probes stops']);
  });

  test.each([
    ['ends by itself', async () => {}, 'workers ended by itself'],
    ['fails', () => Promise.reject(new Error('boom')), 'workers failed'],
  ] as const)('ends the process when it %s', async (_, work, message) => {
    const { run } = setUp();
    await expect(run(background({ name: 'workers', run: work }))).rejects.toThrow(message);
  });
});
