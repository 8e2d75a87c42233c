// What others write, the DHCP daemon's log and CNI's cache, is read without ever failing; and the book of leases stays in order.
import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { parseCachedClient } from '../../src/domain/dhcp/cached-client.ts';
import { parseDaemonLine } from '../../src/domain/dhcp/daemon-log.ts';
import { clientOf, entered, type LeaseBook, pruned } from '../../src/domain/dhcp/lease-book.ts';

const WORDS = [
  'acquiring lease',
  'lease acquired, expiration is 2026-11-24 16:39:29.123456789 +0000 UTC m=+3600.01',
  'lease renewed, expiration is never',
  'renewing lease',
  'renewal time expired, rebinding',
  'no more tries',
  'releasing lease',
  'lease expired, bringing interface DOWN',
  'interface net1 no longer exists or link check failed, terminating lease maintenance',
  'Checking lease',
];

test('no line of the daemon is a failure', () => {
  fc.assert(
    fc.property(
      fc.oneof(
        fc.string(),
        fc.tuple(fc.string(), fc.constantFrom(...WORDS)).map((all) => all.join(': ')),
      ),
      (line) => {
        parseDaemonLine(line);
      },
    ),
  );
});

test('no file in the cache is a failure', () => {
  const encode = (text: string) => Buffer.from(text).toString('base64');
  const config = fc.oneof(fc.string(), fc.json()).map(encode);
  const file = fc.record(
    {
      containerId: fc.anything(),
      config: fc.oneof(config, fc.anything()),
      networkName: fc.anything(),
      ifName: fc.anything(),
      netns: fc.anything(),
      cniArgs: fc.anything(),
      result: fc.anything(),
    },
    { requiredKeys: [] },
  );
  const texts = fc.oneof(
    fc.string(),
    fc.json(),
    file.map((value) => String(safeJson(value))),
  );
  fc.assert(
    fc.property(texts, (text) => {
      parseCachedClient(text, (base64) => Buffer.from(base64, 'base64').toString('utf8'));
    }),
  );
});

function safeJson(value: unknown): string {
  try {
    return JSON.stringify(value, (_key, part: unknown) => (typeof part === 'bigint' ? String(part) : part)) ?? '';
  } catch {
    return '';
  }
}

test('whatever happens in whichever order, each client has at most one lease, and time does not go back', () => {
  const step = fc.record({
    client: fc.constantFrom('a/lan/net1', 'b/lan/net1'),
    words: fc.constantFrom(...WORDS),
    ms: fc.nat(100_000),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
      let now = 0;
      let book: LeaseBook = new Map();
      for (const { client, words, ms } of steps) {
        now += ms;
        const event = parseDaemonLine(`2026/11/24 15:39:29 ${client}: ${words}`);
        if (event !== undefined) book = entered(book, event, now);
        for (const [key, lease] of book) {
          expect(clientOf(lease)).toBe(key);
          expect(lease.since).toBeLessThanOrEqual(now);
        }
        if (words === 'releasing lease') expect(book.has(client)).toBe(false);
      }
      expect(pruned(book, new Set(), now + 1e6).size).toBe(0);
    }),
  );
});
