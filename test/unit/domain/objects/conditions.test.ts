import { describe, expect, test } from '@jest/globals';
import { findCondition, formatTime, isTrue, setCondition } from '../../../../src/domain/objects/conditions.ts';
import { NOW } from '../../../support/builders.ts';

const yes = { type: 'Ready', status: 'True', reason: 'Working', message: 'All is there.' } as const;
const no = { ...yes, status: 'False', reason: 'Pending' } as const;
const MINUTE = 60_000;

describe('a condition', () => {
  test('gets the time of its first appearance', () => {
    expect(setCondition([], yes, NOW)).toEqual([{ ...yes, lastTransitionTime: '2026-01-01T00:00:00Z' }]);
  });

  test('keeps its time while only reason, message or generation change', () => {
    const before = setCondition([], yes, NOW);
    const after = setCondition(before, { ...yes, reason: 'Other', observedGeneration: 2 }, NOW + MINUTE);
    expect(after).toEqual([
      { ...yes, reason: 'Other', observedGeneration: 2, lastTransitionTime: '2026-01-01T00:00:00Z' },
    ]);
  });

  test('gets a new time when its status moves', () => {
    const after = setCondition(setCondition([], yes, NOW), no, NOW + MINUTE);
    expect(findCondition(after, 'Ready')?.lastTransitionTime).toBe('2026-01-01T00:01:00Z');
    expect(isTrue(after, 'Ready')).toBe(false);
  });

  test('leaves other types and their order alone', () => {
    const list = setCondition(setCondition([], { ...yes, type: 'A' }, NOW), { ...yes, type: 'B' }, NOW);
    const after = setCondition(list, { ...no, type: 'A' }, NOW);
    expect(after.map((condition) => condition.type)).toEqual(['A', 'B']);
    expect(after[1]).toBe(list[1]);
  });

  test('cuts a message that the API server would refuse', () => {
    const [condition] = setCondition([], { ...yes, message: 'x'.repeat(40_000) }, NOW);
    expect(condition?.message).toHaveLength(32_768);
  });

  test('has whole seconds, as the API server gives them back', () => {
    expect(formatTime(NOW + 999)).toBe('2026-01-01T00:00:00Z');
  });
});
