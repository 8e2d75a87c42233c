import { describe, expect, test } from '@jest/globals';
import { holds, overlap, parseAddress, parseSubnet } from '../../../../src/domain/net/address-range.ts';

describe('an address', () => {
  test.each<[string, string, bigint]>([
    ['IPv4', '192.0.2.1', 0xc0000201n],
    ['IPv4, the last one', '255.255.255.255', 0xffffffffn],
    ['IPv4, nothing but zeros', '0.0.0.0', 0n],
    ['IPv6 in short', '2001:db8::1', 0x20010db8000000000000000000000001n],
    ['IPv6 in full', '2001:0DB8:0:0:0:0:0:1', 0x20010db8000000000000000000000001n],
    ['IPv6, nothing but zeros', '::', 0n],
    ['IPv6 with an IPv4 tail', '::ffff:192.0.2.1', 0xffffc0000201n],
  ])('is a number: %s', (_, text, value) => {
    expect(parseAddress(text)?.value).toBe(value);
  });

  test.each([
    '',
    '1.2.3',
    '1.2.3.4.5',
    '256.1.1.1',
    '01.2.3.4',
    '00.2.3.4',
    '1.2.3.',
    '.1.2.3',
    '1..2.3',
    '1.2.3.4.',
    '1.2.3.4 ',
    '1.2.3.-4',
    'a.b.c.d',
    ':::',
    '1::2::3',
    '1:2:3:4:5:6:7',
    '1:2:3:4:5:6:7:8:9',
    '::12345',
    '::g',
    '::1.2.3',
  ])('is not %p', (text) => {
    expect(parseAddress(text)).toBeUndefined();
  });
});

describe('a subnet', () => {
  test('holds its first and its last address and none beside', () => {
    const subnet = parseSubnet('192.0.2.0/25');
    if (subnet === undefined) throw new Error('no subnet');
    const isIn = (text: string) => {
      const address = parseAddress(text);
      return address !== undefined && holds(subnet, address);
    };
    expect(['192.0.2.0', '192.0.2.127', '192.0.2.128', '192.0.1.255', '::c000:200'].map(isIn)).toEqual([
      true,
      true,
      false,
      false,
      false,
    ]);
  });

  test.each([
    '192.0.2.0',
    '192.0.2.0/33',
    '192.0.2.0/',
    '192.0.2.0/-1',
    '192.0.2.0/24/1',
    '192.0.2.1/24',
    '2001:db8::1/64',
    '/24',
  ])('is not %p', (text) => {
    expect(parseSubnet(text)).toBeUndefined();
  });

  test('overlaps another one when they share an address', () => {
    const [a, b, c] = ['10.0.0.0/8', '10.255.0.0/16', '11.0.0.0/8'].map(parseSubnet);
    if (a === undefined || b === undefined || c === undefined) throw new Error('no subnet');
    expect([overlap(a, b), overlap(b, a), overlap(a, c)]).toEqual([true, true, false]);
  });
});
