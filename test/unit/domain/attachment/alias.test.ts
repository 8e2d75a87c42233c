import { describe, expect, test } from '@jest/globals';
import { aliasFor } from '../../../../src/domain/attachment/alias.ts';

describe('the alias of an attachment', () => {
  test('is its name after the prefix while that fits the kernel', () => {
    expect(aliasFor('lan')).toBe('mva-lan');
    expect(aliasFor('elevenchars')).toBe('mva-elevenchars');
  });

  test('is a hash after a mark that no name can hold when it does not fit', () => {
    expect(aliasFor('twelve-chars')).toMatch(/^mva-~[a-z2-7]{10}$/);
    expect(aliasFor('a'.repeat(63))).toHaveLength(15);
  });

  test('never changes for a name: nodes and NADs carry it', () => {
    expect(aliasFor('appliances-upstairs')).toBe('mva-~eatmsrh7je');
  });

  test('differs for names that differ in one character', () => {
    const names = Array.from({ length: 2000 }, (_, index) => `appliance-lan-${index}`);
    expect(new Set(names.map(aliasFor)).size).toBe(names.length);
  });
});
