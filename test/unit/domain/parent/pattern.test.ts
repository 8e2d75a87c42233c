import { describe, expect, test } from '@jest/globals';
import type { Link } from '../../../../src/domain/net/network.ts';
import { factsOf } from '../../../../src/domain/parent/fact.ts';

function matches(namePattern: string, name: string): boolean {
  const [fact] = factsOf({ namePattern });
  return fact?.holds({ name } as Link, { links: [], addresses: [], routes: [], neighbours: [] }) === true;
}

describe('a pattern for names', () => {
  test.each<[string, string, boolean]>([
    ['enp3s0', 'enp3s0', true],
    ['enp3s0', 'enp3s01', false],
    ['enp3s0', 'xenp3s0', false],
    ['en*', 'enp3s0', true],
    ['en*', 'en', true],
    ['*s0', 'enp3s0', true],
    ['e*s?', 'enp3s0', true],
    ['eth?', 'eth', false],
    ['eth?', 'eth10', false],
    ['eth[01]', 'eth0', false],
    ['eth[01]', 'eth[01]', true],
    ['eth0.1', 'eth0x1', false],
    ['a|b', 'a', false],
    ['(a)+', 'aa', false],
    ['***', 'anything', true],
  ])('%s and the name %s: %s', (pattern, name, expected) => {
    expect(matches(pattern, name)).toBe(expected);
  });

  test('of many stars is done with at once, also where it does not match', () => {
    // Unguarded, these would take minutes each.
    expect(matches(`${'*'.repeat(31)}b`, 'aaaaaaaaaaaaaaa')).toBe(false);
    expect(matches(`${'*?'.repeat(15)}*b`, 'aaaaaaaaaaaaaaa')).toBe(false);
  });
});
