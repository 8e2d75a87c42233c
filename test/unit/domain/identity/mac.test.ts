import { createHmac } from 'node:crypto';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { checkMac, deriveMac, type Hmac, type LinkKey, MAC_ATTEMPTS } from '../../../../src/domain/identity/mac.ts';

const hmacOf =
  (seed: string): Hmac =>
  (text) =>
    createHmac('sha256', seed).update(text).digest();
const key: LinkKey = { namespace: 'home', identity: 'statefulset-web-0', attachment: 'lan', index: 0 };
const linkKeys = fc.record({
  namespace: fc.string(),
  identity: fc.string(),
  attachment: fc.string(),
  index: fc.nat({ max: 31 }),
});

describe('a derived MAC address', () => {
  test('never changes: clusters that are built anew depend on it', () => {
    const hmac = hmacOf('seed');
    expect([0, 1].map((attempt) => deriveMac(hmac, key, undefined, attempt))).toEqual([
      '7e:0c:2b:c4:14:22',
      '7e:0c:2b:c4:14:23',
    ]);
    expect(deriveMac(hmac, key, '02:4d', 0)).toBe('02:4d:2b:c4:14:22');
  });

  test('is unicast, locally administered and lower case, whoever it is for', () => {
    fc.assert(
      fc.property(linkKeys, fc.nat({ max: 255 }), (link, attempt) => {
        const mac = deriveMac(hmacOf('seed'), link, undefined, attempt);
        expect(mac).toMatch(/^[0-9a-f][26ae](:[0-9a-f]{2}){5}$/);
      }),
    );
  });

  test.each(['02', '02:4d', '02:4d:00:01:02'])('keeps the prefix %s', (prefix) => {
    expect(deriveMac(hmacOf('seed'), key, prefix, 3)).toMatch(new RegExp(`^${prefix}(:[0-9a-f]{2})+$`));
  });

  test('is another one on each attempt, also under the longest prefix', () => {
    const all = Array.from({ length: MAC_ATTEMPTS }, (_, i) => deriveMac(hmacOf('seed'), key, '02:4d:00:00:00', i));
    expect(new Set(all).size).toBe(256);
  });

  test('differs by seed, namespace, identity, attachment and index', () => {
    const others = [{ namespace: 'x' }, { identity: 'x' }, { attachment: 'x' }, { index: 1 }];
    const macs = [key, ...others.map((other) => ({ ...key, ...other }))].map((link) =>
      deriveMac(hmacOf('a'), link, undefined, 0),
    );
    expect(new Set([...macs, deriveMac(hmacOf('b'), key, undefined, 0)]).size).toBe(6);
  });
});

describe('a chosen MAC address', () => {
  test.each([
    ['02-4D-00-00-00-01', { mac: '02:4d:00:00:00:01' }],
    ['00:11:22:33:44:55', { mac: '00:11:22:33:44:55' }],
    ['03:00:00:00:00:01', { wrong: expect.stringContaining('multicast') }],
    ['00:00:00:00:00:00', { wrong: expect.stringContaining('zeros') }],
    ['ff:ff:ff:ff:ff:ff', { wrong: expect.stringContaining('broadcast') }],
    ['02:00:00:00:00:09', { wrong: expect.stringContaining('NIC of a node') }],
    ['02:00:00', { wrong: expect.stringContaining('no MAC address') }],
  ])('%s is judged', (text, expected) => {
    expect(checkMac(text, (mac) => mac === '02:00:00:00:00:09')).toEqual(expected);
  });
});
