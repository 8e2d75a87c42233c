import { describe, expect, test } from '@jest/globals';
import type { MacvlanIdentity } from '../../../../src/api/v1alpha1/identity.ts';
import { claimFor, claimName } from '../../../../src/domain/identity/claims.ts';
import { parseDuration, reclaimIn } from '../../../../src/domain/identity/reclaim.ts';
import { holderNow, identityStatus } from '../../../../src/domain/identity/status.ts';
import { NOW } from '../../../support/builders.ts';
import { boundPod, holderFacts, waitingPod } from '../../../support/identity.ts';

const TIME = '2026-01-01T00:00:00Z';
const identity = (init: Partial<MacvlanIdentity> = {}): MacvlanIdentity => ({
  metadata: { name: 'vip' },
  spec: {},
  ...init,
});
const holder = { pod: 'a', uid: 'u' };
const wait = {
  pod: waitingPod('next'),
  identity: 'vip',
  reason: 'PoolExhausted',
  message: 'All are taken.',
  remedy: 'Extend it.',
} as const;
const statusOf = (before: MacvlanIdentity['status'], now: { holder?: typeof holder; wait?: typeof wait }) =>
  identityStatus({
    identity: identity(before === undefined ? {} : { status: before }),
    holder: now.holder,
    wait: now.wait,
    now: NOW,
  });

describe('the status of an identity', () => {
  test('is Free, Bound or Waiting', () => {
    expect(statusOf(undefined, {})).toEqual({ phase: 'Free' });
    expect(statusOf(undefined, { holder })).toEqual({ phase: 'Bound', holder });
    expect(statusOf(undefined, { wait })).toMatchObject({ phase: 'Waiting' });
    expect(statusOf(undefined, { holder, wait })).toMatchObject({ phase: 'Bound', conditions: [{ status: 'True' }] });
  });

  test('says since when nobody holds it, also when it went from one pod to the next', () => {
    expect(statusOf({ holder }, {})).toEqual({ phase: 'Free', lastHeld: TIME });
    expect(statusOf({ holder }, { holder: { pod: 'b', uid: 'v' } })).toMatchObject({ lastHeld: TIME });
    expect(statusOf({ holder, lastHeld: '2025-01-01T00:00:00Z' }, { holder })).toMatchObject({
      lastHeld: '2025-01-01T00:00:00Z',
    });
  });

  test('says who waits for what, and that nobody does any more', () => {
    const waiting = statusOf(undefined, { wait });
    expect(waiting.conditions).toEqual([
      {
        type: 'Waiting',
        status: 'True',
        reason: 'PoolExhausted',
        message: 'Pod next: All are taken. Extend it.',
        lastTransitionTime: TIME,
      },
    ]);
    expect(statusOf(waiting, { holder }).conditions).toMatchObject([{ status: 'False', reason: 'NobodyWaits' }]);
  });
});

describe('the holder of an identity', () => {
  test('is shown with its node once it has one, and without a boot while it is there', () => {
    expect(holderNow(holderFacts({ pod: boundPod('web-0', 'vip') }))).toEqual({
      pod: 'web-0',
      uid: 'uid-web-0',
      node: 'a',
    });
  });

  test('that vanished keeps its node, and the boot that this has now', () => {
    const facts = holderFacts({ lastSeen: boundPod('web-0', 'vip') }, { node: undefined, bootId: undefined } as never);
    expect(holderNow(facts)).toMatchObject({ node: 'a', bootId: 'boot-1' });
    const noted = holderFacts({ node: { metadata: { name: 'a' }, status: { nodeInfo: { bootID: 'boot-2' } } } });
    expect(holderNow(noted)).toMatchObject({ bootId: 'boot-1' });
  });
});

describe('an identity that nobody holds', () => {
  const reclaim = { type: 'Delete', after: '1h' } as const;

  test('is deleted when its time is over, and not before', () => {
    const lastHeld = new Date(NOW - 1800_000).toISOString();
    expect(reclaimIn(identity({ spec: { reclaim }, status: { lastHeld } }), NOW)).toBe(1800_000);
    expect(reclaimIn(identity({ spec: { reclaim }, status: { lastHeld } }), NOW + 7200_000)).toBe(0);
    const made = { name: 'vip', creationTimestamp: new Date(NOW).toISOString() };
    expect(reclaimIn(identity({ metadata: made, spec: { reclaim: { type: 'Delete' } } }), NOW)).toBe(720 * 3600_000);
  });

  test('stays when it says so, and while somebody holds it', () => {
    expect(
      reclaimIn(identity({ spec: { reclaim: { type: 'Retain' } }, status: { lastHeld: TIME } }), NOW),
    ).toBeUndefined();
    expect(reclaimIn(identity({ spec: { reclaim }, status: { holder, lastHeld: TIME } }), NOW)).toBeUndefined();
  });

  test.each([
    ['1h30m', 5400_000],
    ['90s', 90_000],
    ['24h', 86_400_000],
  ])('waits for %s', (text, ms) => {
    expect(parseDuration(text)).toBe(ms);
  });
});

describe('the name of a claim', () => {
  test.each([
    ['02:4d:00:00:00:01', 'mac-02-4d-00-00-00-01'],
    ['192.0.2.9/24', 'ip-lan-192-0-2-9'],
    ['fd00::9/64', 'ip-lan-fd00-0-0-0-0-0-0-9'],
    ['FD00:0::9', 'ip-lan-fd00-0-0-0-0-0-0-9'],
  ])('of %s is %s, however it is written', (address, name) => {
    expect(claimName({ address, attachment: 'lan' })).toBe(name);
  });

  test('is the same for the claim itself, which has no prefix length', () => {
    const claim = claimFor({ address: '192.0.2.9/24', attachment: 'lan' }, { namespace: 'home', name: 'vip' });
    expect(claim.metadata.name).toBe(claimName({ address: claim.spec.address, attachment: 'lan' }));
    expect(claim.spec).toEqual({
      address: '192.0.2.9',
      attachment: 'lan',
      identity: { namespace: 'home', name: 'vip' },
    });
  });
});
