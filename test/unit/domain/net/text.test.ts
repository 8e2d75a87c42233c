// Addresses as text and as numbers, and names that must come out the same on every node and in every release.
import { describe, expect, test } from '@jest/globals';
import { type Change, describeChange } from '../../../../src/domain/net/change.ts';
import { subnetHolds, withoutPrefixLength } from '../../../../src/domain/net/cidr.ts';
import { base32, hash64 } from '../../../../src/domain/net/hash.ts';
import { formatIPv4, parseIPv4 } from '../../../../src/domain/net/ipv4.ts';
import { localMac, parseMac } from '../../../../src/domain/net/mac.ts';

describe('an IPv4 address', () => {
  test.each(['0.0.0.0', '10.9.0.254', '255.255.255.255'])('%s is read and written', (text) => {
    expect(formatIPv4(parseIPv4(text) ?? -1)).toBe(text);
  });

  test.each(['', '10.9.0', '10.9.0.256', '10.9.0.01', '10.9.0.1.1', 'a.b.c.d', ' 10.9.0.1', 'fd00::1'])(
    '"%s" is none',
    (text) => {
      expect(parseIPv4(text)).toBeUndefined();
    },
  );

  test('is in a subnet or not', () => {
    expect(subnetHolds('10.9.0.1', 24, '10.9.0.254')).toBe(true);
    expect(subnetHolds('10.9.0.1', 25, '10.9.0.254')).toBe(false);
    expect(subnetHolds('10.9.0.1', 0, '200.1.1.1')).toBe(true);
    expect(subnetHolds('10.9.0.1', 32, '10.9.0.1')).toBe(true);
    expect(subnetHolds('10.9.0.1', 0, 'fd00::1')).toBe(false);
    expect(subnetHolds('nonsense', 0, 'nonsense')).toBe(false);
    expect(subnetHolds('fd00::1', 64, 'fd00:0:0:0:ffff::2')).toBe(true);
    expect(subnetHolds('fd00::1', 64, 'fd00:0:0:1::2')).toBe(false);
  });

  test('loses a prefix length', () => {
    expect(['10.9.0.1/24', '10.9.0.1'].map(withoutPrefixLength)).toEqual(['10.9.0.1', '10.9.0.1']);
  });
});

describe('a MAC address', () => {
  test('is compared in one spelling', () => {
    expect(parseMac(' 02-AA-00-00-00-02 ')).toBe('02:aa:00:00:00:02');
    for (const text of ['', '02:aa:00:00:00', '02:aa:00:00:00:02:03', '2:aa:0:0:0:2'])
      expect(parseMac(text)).toBeUndefined();
  });

  test('of our own making is unicast and locally administered', () => {
    expect(localMac(0n)).toBe('02:00:00:00:00:00');
    expect(localMac(0xffff_ffff_ffff_ffffn)).toBe('fe:ff:ff:ff:ff:ff');
    expect(localMac(0x0123_4567_89abn)).toBe('02:23:45:67:89:ab');
  });
});

test('hashes are the same for ever: shims of running nodes are found by them', () => {
  expect(hash64('')).toBe(0xefd01f60ba992926n);
  expect(base32(hash64('shim|uid|52:54:00:00:00:01'), 11)).toMatch(/^[a-z2-7]{11}$/);
  expect(hash64('a')).not.toBe(hash64('b'));
});

test('every change can be told in words', () => {
  const changes: readonly Change[] = [
    { type: 'AddAltName', ifindex: 2, name: 'mva-lan' },
    { type: 'SetLink', ifindex: 7, name: 'mvs-x', up: true, arpFilter: true },
    { type: 'RemoveRoute', ifindex: 7, destination: '10.9.0.2', prefixLength: 32, metric: 0 },
    { type: 'RemoveNeighbour', ifindex: 7, address: '10.9.0.2', mac: '' },
  ];
  expect(changes.map(describeChange)).toEqual([
    'giving link 2 the alternative name mva-lan',
    'setting up, arp_filter of the link mvs-x',
    'removing the route to 10.9.0.2/32 over link 7',
    'removing the neighbour 10.9.0.2 from link 7',
  ]);
});
