import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { PoolRange } from '../../../../src/api/v1alpha1/ipam.ts';
import { freeAddress, sizeOf, usableIn } from '../../../../src/domain/identity/pool.ts';
import { parseAddress, parseSubnet } from '../../../../src/domain/net/address-range.ts';
import { formatAddress } from '../../../../src/domain/net/address-text.ts';

const format = (family: 'IPv4' | 'IPv6', value: bigint) => formatAddress({ family, value });
const listed = (range: PoolRange) =>
  usableIn(range).map(({ family, first, last }) => `${format(family, first)}-${format(family, last)}`);

describe('what a range has to give', () => {
  test.each<[string, PoolRange, readonly string[]]>([
    ['all but the subnet itself and broadcast', { subnet: '192.0.2.0/24' }, ['192.0.2.1-192.0.2.254']],
    ['no gateway', { subnet: '192.0.2.0/29', gateway: '192.0.2.3' }, ['192.0.2.1-192.0.2.2', '192.0.2.4-192.0.2.6']],
    [
      'nothing that is excluded',
      { subnet: '192.0.2.0/28', exclude: ['192.0.2.4/30', '192.0.2.9'] },
      ['192.0.2.1-192.0.2.3', '192.0.2.8-192.0.2.8', '192.0.2.10-192.0.2.14'],
    ],
    [
      'what lies between start and end',
      { subnet: '192.0.2.0/24', start: '192.0.2.10', end: '192.0.2.12' },
      ['192.0.2.10-192.0.2.12'],
    ],
    ['both ends of a point-to-point subnet', { subnet: '192.0.2.0/31' }, ['192.0.2.0-192.0.2.1']],
    ['the last address of an IPv6 subnet, but not its first', { subnet: 'fd00::/126' }, ['fd00::1-fd00::3']],
    ['nothing where all is excluded', { subnet: '192.0.2.0/24', exclude: ['192.0.2.0/24'] }, []],
  ])('is %s', (_what, range, expected) => {
    expect(listed(range)).toEqual(expected);
  });
});

describe('the next free address', () => {
  const intervals = usableIn({ subnet: '192.0.2.0/29', gateway: '192.0.2.3' });
  const value = (text: string) => parseAddress(text)?.value ?? 0n;

  test('is the one at the offset, or the next that nobody has, going round', () => {
    const at = (offset: bigint, ...taken: string[]) => {
      const free = freeAddress(intervals, offset, new Set(taken.map(value)));
      return free === undefined ? undefined : format('IPv4', free);
    };
    expect(at(0n)).toBe('192.0.2.1');
    expect(at(2n)).toBe('192.0.2.4');
    expect(at(4n, '192.0.2.6')).toBe('192.0.2.1');
    expect(at(1n, '192.0.2.2', '192.0.2.4', '192.0.2.5', '192.0.2.6')).toBe('192.0.2.1');
    expect(at(0n, '192.0.2.1', '192.0.2.2', '192.0.2.4', '192.0.2.5', '192.0.2.6')).toBeUndefined();
  });

  test('is found in a large IPv6 subnet without looking at all of it', () => {
    const huge = usableIn({ subnet: 'fd00::/64', exclude: ['fd00::8000:0:0:0/65'] });
    expect(sizeOf(huge)).toBe(2n ** 63n - 1n);
    expect(freeAddress(huge, 5n, new Set([value('fd00::6')]))).toBe(value('fd00::7'));
  });

  const ranges = fc.record({
    base: fc.nat({ max: 255 }),
    length: fc.integer({ min: 24, max: 32 }),
    exclude: fc.array(fc.nat({ max: 255 }), { maxLength: 5 }),
    taken: fc.array(fc.nat({ max: 255 })),
    offset: fc.nat(),
  });

  test('is never taken, excluded, or one that no host may have; and there is one as long as one is left', () => {
    fc.assert(
      fc.property(ranges, ({ base, length, exclude, taken, offset }) => {
        const size = 2 ** (32 - length);
        const first = Math.floor(base / size) * size;
        const subnet = parseSubnet(`192.0.2.${first}/${length}`);
        const within = exclude.filter((n) => n >= first && n < first + size).map((n) => `192.0.2.${n}`);
        const usable = usableIn({ subnet: `192.0.2.${first}/${length}`, exclude: within });
        const count = sizeOf(usable);
        const others = new Set(taken.map((n) => value(`192.0.2.${n}`)));
        const all = usable.flatMap((one) =>
          Array.from({ length: Number(one.last - one.first) + 1 }, (_, i) => one.first + BigInt(i)),
        );
        const left = all.filter((address) => !others.has(address));
        const found = count === 0n ? undefined : freeAddress(usable, BigInt(offset) % count, others);
        expect(found === undefined).toBe(left.length === 0);
        if (found === undefined || subnet === undefined) return;
        expect(left).toContain(found);
        expect(within.map(value)).not.toContain(found);
        if (size > 2) expect([subnet.first, subnet.last]).not.toContain(found);
      }),
    );
  });
});

describe('an address as text', () => {
  test.each(['192.0.2.1', '::', '::1', 'fd00::', 'fd00:0:1::2', 'fd00::1:0:0:1', '1:2:3:4:5:6:7:8', '1:0:3:4:5:6:7:8'])(
    '%s is written as it is read',
    (text) => {
      const address = parseAddress(text);
      expect(address === undefined ? undefined : formatAddress(address)).toBe(text);
    },
  );

  test('is the same in every spelling', () => {
    const address = parseAddress('FD00:0:0:0:0:0:0:01');
    expect(address === undefined ? undefined : formatAddress(address)).toBe('fd00::1');
  });
});
