// When the LAN is asked: once per question, again after a pause that depends on the answer, and never without need.
import { beforeEach, describe, expect, test } from '@jest/globals';
import type { ProbePort } from '../../../../src/agent/ports.ts';
import { ProbeWatch } from '../../../../src/agent/probe/probe-watch.ts';
import {
  type ProbeFinding,
  type ProbeWish,
  probeAgainMs,
  probeKeyOf,
} from '../../../../src/domain/parent/mac-filter.ts';
import { FakeClock } from '../../../support/fake-clock.ts';
import { silentLogger } from '../../../support/silent-logger.ts';

const WISH: ProbeWish = {
  parent: 2,
  mac: '52:54:00:00:00:02',
  name: 'mvp-abcdefghijk',
  probeMac: '02:00:00:00:00:01',
  gateway: '10.9.0.254',
};
const KEY = probeKeyOf(WISH);
const { signal } = new AbortController();

let clock: FakeClock;
let verdict: ProbeFinding['verdict'] | Error;
let asked: ProbeWish[];
let cleaned: string[];
let changes: number;
let watch: ProbeWatch;

beforeEach(() => {
  clock = new FakeClock();
  verdict = 'Open';
  asked = [];
  cleaned = [];
  changes = 0;
  const port: ProbePort = {
    ask: async (wish) => {
      asked.push(wish);
      if (verdict instanceof Error) throw verdict;
      return verdict;
    },
    clean: async (uid) => {
      cleaned.push(uid);
      return [];
    },
    close: async () => {},
  };
  const onChange = () => {
    changes += 1;
  };
  watch = new ProbeWatch({ port, nodeUid: () => 'uid', onChange, clock, logger: silentLogger() });
});

describe('a probe', () => {
  test('is made as soon as it is asked for, and once for all that ask the same', async () => {
    expect(watch.setWishes([WISH, { ...WISH }])).toBe(true);
    const answer = await watch.turn(signal);
    expect(asked).toEqual([WISH]);
    expect(watch.findings.get(KEY)).toEqual({ verdict: 'Open', gateway: WISH.gateway });
    expect(changes).toBe(1);
    expect(answer).toEqual({ type: 'later', ms: probeAgainMs('Open') });
  });

  test.each(['Open', 'Filtered', 'Unclear'] as const)(
    'is made again in due time after the verdict %s',
    async (seen) => {
      verdict = seen;
      watch.setWishes([WISH]);
      await watch.turn(signal);
      await clock.advance(probeAgainMs(seen) - 1);
      expect(watch.setWishes([WISH])).toBe(false);
      expect(await watch.turn(signal)).toEqual({ type: 'later', ms: 1 });
      expect(asked).toHaveLength(1);
      await clock.advance(1);
      await watch.turn(signal);
      expect(asked).toHaveLength(2);
    },
  );

  test('is made anew for another NIC, and what was found out about the old one is forgotten', async () => {
    watch.setWishes([WISH]);
    await watch.turn(signal);
    const other = { ...WISH, parent: 3, mac: '52:54:00:00:00:03' };
    expect(watch.setWishes([other])).toBe(true);
    await watch.turn(signal);
    expect(asked).toEqual([WISH, other]);
    expect([...watch.findings.keys()]).toEqual([probeKeyOf(other)]);
  });

  test('is made at most once a minute for a NIC that comes and goes', async () => {
    for (let i = 0; i < 5; i++) {
      watch.setWishes([WISH]);
      await watch.turn(signal);
      watch.setWishes([]);
      await clock.advance(1000);
    }
    expect(asked).toHaveLength(1);
    expect(watch.findings.size).toBe(0);
    watch.setWishes([WISH]);
    const answer = await watch.turn(signal);
    expect(asked).toHaveLength(1);
    await clock.advance(answer.type === 'later' ? answer.ms : 0);
    await watch.turn(signal);
    expect(asked).toHaveLength(2);
  });

  test('that could not be made says nothing, and is tried again later', async () => {
    verdict = new Error('Operation not permitted');
    watch.setWishes([WISH]);
    const answer = await watch.turn(signal);
    expect(watch.findings.size).toBe(0);
    expect(changes).toBe(0);
    verdict = 'Open';
    await clock.advance(answer.type === 'later' ? answer.ms : 0);
    await watch.turn(signal);
    expect(watch.findings.get(KEY)?.verdict).toBe('Open');
  });

  test('whose question is asked for no more when its answer comes is forgotten', async () => {
    watch.setWishes([WISH]);
    const turn = watch.turn(signal);
    watch.setWishes([]);
    await turn;
    expect(watch.findings.size).toBe(0);
    expect(await watch.turn(signal)).toEqual({ type: 'done' });
  });

  test('is not made once the agent is to stop', async () => {
    watch.setWishes([WISH]);
    await watch.turn(AbortSignal.abort());
    expect(asked).toEqual([]);
  });
});

test('what a killed process has left behind goes first, and once', async () => {
  await watch.turn(signal);
  watch.setWishes([WISH]);
  await watch.turn(signal);
  expect(cleaned).toEqual(['uid']);
});
