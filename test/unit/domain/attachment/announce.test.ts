import { describe, expect, test } from '@jest/globals';
import { actionFor, announce, QUIET_MS } from '../../../../src/domain/attachment/announce.ts';
import { attachment, NOW } from '../../../support/builders.ts';

const missing = { reason: 'NamespaceMissing', message: 'It is missing.', namespace: 'home' };
const taken = { reason: 'NameTaken', message: 'It is taken.', namespace: 'home' };
const silent = { reason: 'AgentSilent', message: 'Not yet.', node: 'a' };
const since = (ms: number) => {
  const lastTransitionTime = new Date(NOW - ms).toISOString();
  const condition = {
    type: 'ParentsReady',
    status: 'False',
    reason: 'AgentSilent',
    message: '',
    lastTransitionTime,
  } as const;
  return attachment({ status: { conditions: [condition] } });
};

describe('a problem', () => {
  test('is told when it is new, and once', () => {
    const first = announce(attachment(), [missing], undefined, NOW);
    expect(first.news).toEqual([missing]);
    expect(announce(attachment(), [missing], first.told, NOW).news).toEqual([]);
  });

  test('is told again when it went and came back', () => {
    const first = announce(attachment(), [missing], undefined, NOW);
    const gone = announce(attachment(), [], first.told, NOW);
    expect(announce(attachment(), [missing], gone.told, NOW).news).toEqual([missing]);
  });

  test('is not told again after a restart when the status shows it', () => {
    expect(announce(attachment({ status: { problems: [missing] } }), [missing], undefined, NOW).news).toEqual([]);
  });

  test('that an attempt met is told with each attempt, but not because of a restart', () => {
    const first = announce(attachment({ status: { problems: [taken] } }), [taken], undefined, NOW);
    expect(first.news).toEqual([]);
    expect(announce(attachment(), [taken], first.told, NOW).news).toEqual([taken]);
  });

  test('of the kind that goes away by itself is told only when it lasts', () => {
    const early = announce(since(10_000), [silent], undefined, NOW);
    expect(early).toMatchObject({ news: [], recheckMs: QUIET_MS - 10_000 });
    const late = announce(since(QUIET_MS), [silent], early.told, NOW);
    expect(late).toMatchObject({ news: [silent], recheckMs: undefined });
    expect(announce(since(QUIET_MS + 1000), [silent], late.told, NOW).news).toEqual([]);
  });

  test('of that kind is not told again after a restart when it had lasted and the status shows it', () => {
    const { status } = since(QUIET_MS + 1000);
    const before = attachment({ status: { ...status, problems: [silent] } });
    expect(announce(before, [silent], undefined, NOW)).toMatchObject({ news: [], recheckMs: undefined });
  });

  test('begins to last when its condition is first written', () => {
    expect(announce(attachment(), [silent], undefined, NOW).recheckMs).toBe(QUIET_MS);
  });
});

test('the action of an event says what was being done', () => {
  expect(
    ['RangeInvalid', 'NameTaken', 'ParentMissing', 'ShimContested', 'PodsAttached', 'Unheard'].map(actionFor),
  ).toEqual(['Validating', 'Rendering', 'PreparingNodes', 'PreparingHostAccess', 'Deleting', 'PreparingNodes']);
});
