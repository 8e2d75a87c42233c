import { expect, test } from '@jest/globals';
import type { LeaseEvent } from '../../../../src/domain/dhcp/daemon-log.ts';
import {
  entered,
  isCredible,
  isSilent,
  type Lease,
  type LeaseBook,
  pruned,
  UNKNOWN_MAX,
} from '../../../../src/domain/dhcp/lease-book.ts';

const CLIENT = 'abc/lan/net1';
type Bare = Omit<Extract<LeaseEvent, { client: string }>, 'client'>;

/** Events one second apart, the first at 0. */
function after(...events: readonly (Bare & { expires?: number; because?: string })[]): Lease | undefined {
  const book = events.reduce<LeaseBook>(
    (before, event, i) => entered(before, { ...event, client: CLIENT } as LeaseEvent, i * 1000),
    new Map(),
  );
  return book.get(CLIENT);
}

const bound = { type: 'Bound', expires: 3_600_000 } as const;

test('a lease that was got says for how long', () => {
  expect(after({ type: 'Asking' }, bound)).toEqual({
    container: 'abc',
    network: 'lan',
    interface: 'net1',
    phase: 'Bound',
    since: 1000,
    expires: 3_600_000,
  });
});

test('while it is renewed the lease is still good for as long as it was, and what went wrong is kept', () => {
  const failed = { type: 'Failed', because: 'no more tries' } as const;
  expect(after(bound, { type: 'Renewing' }, failed, { type: 'Rebinding' })).toMatchObject({
    phase: 'Renewing',
    since: 1000,
    expires: 3_600_000,
    failure: 'no more tries',
  });
  expect(after(bound, { type: 'Renewing' }, failed, { ...bound, expires: 7 })).not.toHaveProperty('failure');
});

test('an expired lease says since when, and one that was given back is gone', () => {
  expect(after(bound, { type: 'Renewing' }, { type: 'Expired' })).toMatchObject({ phase: 'Expired', since: 2000 });
  expect(after(bound, { type: 'Released' })).toBeUndefined();
});

test('silence counts from the first question, and ends with an answer', () => {
  const asked = after({ type: 'Asking' }, { type: 'Asking' });
  expect(asked?.since).toBe(0);
  expect(asked !== undefined && isSilent(asked, 9_999)).toBe(false);
  expect(asked !== undefined && isSilent(asked, 10_000)).toBe(true);
  const got = after({ type: 'Asking' }, bound);
  expect(got !== undefined && isSilent(got, 100_000)).toBe(false);
});

test('what the cache does not know stays for as long as an ADD may take', () => {
  const book = entered(new Map(), { type: 'Asking', client: CLIENT }, 0);
  expect(pruned(book, new Set(), 60_000).size).toBe(1);
  expect(pruned(book, new Set(), 70_000).size).toBe(0);
  expect(pruned(book, new Set([CLIENT]), 1e9).size).toBe(1);
});

test('what is said of clients that nobody knows is believed only as a first question, of so many at a time', () => {
  const asking = (client: string): LeaseEvent => ({ type: 'Asking', client });
  const expired = (client: string): LeaseEvent => ({ type: 'Expired', client });
  const known = new Set(['known/lan/net1']);
  expect(isCredible(new Map(), expired('known/lan/net1'), known)).toBe(true);
  expect(isCredible(new Map(), expired(CLIENT), known)).toBe(false);
  expect(isCredible(entered(new Map(), asking(CLIENT), 0), expired(CLIENT), known)).toBe(true);
  let book: LeaseBook = new Map();
  for (let i = 0; i < UNKNOWN_MAX; i++) {
    expect(isCredible(book, asking(`c${i}/lan/net1`), known)).toBe(true);
    book = entered(book, asking(`c${i}/lan/net1`), 0);
  }
  expect(isCredible(book, asking(CLIENT), known)).toBe(false);
  expect(isCredible(book, asking('known/lan/net1'), known)).toBe(true);
});
