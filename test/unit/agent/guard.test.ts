// The guard over shims: whom it remembers as those who change them, and for how long.
import { expect, test } from '@jest/globals';
import { ShimGuard } from '../../../src/agent/guard.ts';
import type { NodePlan } from '../../../src/agent/plan.ts';
import type { Network } from '../../../src/domain/net/network.ts';
import type { ShimPlan } from '../../../src/domain/shim/plan.ts';
import { link, network } from '../../support/network.ts';

const SHIM: ShimPlan = {
  ...{ name: 'mvs-a', mac: '02:00:00:00:00:01', parent: 2, mtu: 1500 },
  ...{ addresses: [], proxied: [], pods: [], attachments: ['lan'] },
};
const PLAN = { shims: [SHIM] } as unknown as NodePlan;
const OWN = 900;
const LIMITS = { repairs: 1, windowMs: 1000, firstPauseMs: 100, longestPauseMs: 100 };
const there: Network = network({ links: [...network().links, link({ ifindex: 9, name: 'mvs-a' })] });

function guardOf(): ShimGuard {
  const guard = new ShimGuard(LIMITS);
  guard.admit(PLAN, there, 0);
  guard.settle(PLAN, there);
  return guard;
}

const named = (guard: ShimGuard, now: number) => guard.admit(PLAN, there, now).culprits.get('mvs-a');

test('whoever changes the shim, its addresses, neighbours or routes is remembered, and nobody else', () => {
  const guard = guardOf();
  guard.hear({ type: 'Lost' }, OWN, 1);
  guard.hear({ type: 'Address', ifindex: 9, by: OWN }, OWN, 1);
  guard.hear({ type: 'Address', ifindex: 9 }, OWN, 1);
  guard.hear({ type: 'Address', ifindex: 2, by: 5 }, OWN, 1);
  expect(named(guard, 2)).toEqual([]);
  guard.hear({ type: 'Address', ifindex: 9, by: 10 }, OWN, 3);
  guard.hear({ type: 'Route', links: [2, 9], isDefault: false, by: 11 }, OWN, 3);
  guard.hear({ type: 'Link', ifindex: 9, name: 'mvs-a', isGone: true, isPodLink: false, by: 12 }, OWN, 3);
  expect(named(guard, 4)).toEqual([10, 11, 12]);
});

test('in peace it is forgotten again', () => {
  const guard = guardOf();
  guard.hear({ type: 'Neighbour', ifindex: 9, by: 10 }, OWN, 1);
  expect(named(guard, 500)).toEqual([10]);
  expect(named(guard, 1500)).toEqual([]);
});

test('a shim that has another index after a repair is still known by the one before', () => {
  const guard = guardOf();
  guard.settle(PLAN, network({ links: [...network().links, link({ ifindex: 10, name: 'mvs-a' })] }));
  guard.hear({ type: 'Route', links: [9], isDefault: false, by: 10 }, OWN, 1);
  guard.hear({ type: 'Route', links: [10], isDefault: false, by: 11 }, OWN, 1);
  expect(named(guard, 2)).toEqual([10, 11]);
});
