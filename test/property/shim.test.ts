// Whatever somebody did to the node: a few rounds of diff and apply end in the plan, speak never before silence, touch nothing else.
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { Link, Network } from '../../src/domain/net/network.ts';
import type { AttachedPod } from '../../src/domain/pod/attached.ts';
import { diffShims, isComplete } from '../../src/domain/shim/diff.ts';
import { SHIM_NOTE } from '../../src/domain/shim/name.ts';
import { planShims, type ShimPlan } from '../../src/domain/shim/plan.ts';
import { address, applyChange, defaultRoute, hostRoute, link, loopback } from '../support/network.ts';

const UID = 'uid-of-a-node';
const ROUNDS = 6;
/** A NIC that is none of our business. */
const OTHER = 50;
const octet = fc.integer({ min: 2, max: 9 });
const mac = octet.map((n) => `02:aa:00:00:00:0${n}`);

/** Parents 2 and 3, and whatever else may lie about: strays, foreign links, half-made and mangled shims. */
const links = fc
  .tuple(
    fc.boolean(),
    fc.array(
      fc.record({
        name: fc.constantFrom('mvs-stray', 'mvs-other', 'foreign0', 'br0', 'mvs-fake'),
        kind: fc.constantFrom('macvlan', 'dummy', 'bridge'),
        lower: fc.constantFrom(2, 3),
        isUp: fc.boolean(),
        mtu: fc.constantFrom(1400, 1500),
        arpFilter: fc.boolean(),
        macvlanMode: fc.constantFrom('bridge', 'private'),
        note: fc.constantFrom('', SHIM_NOTE),
        isNdpProxy: fc.boolean(),
        acceptsRouters: fc.boolean(),
        isIPv6Forwarding: fc.boolean(),
        addressGeneration: fc.constantFrom<'None' | 'Other'>('None', 'Other'),
      }),
      { maxLength: 3 },
    ),
  )
  .map(([isUp, others]): Link[] => [
    loopback(),
    link({ altNames: ['enx1'] }),
    link({ ifindex: 3, isUp }),
    link({ ifindex: OTHER, name: 'other0' }),
    ...[...new Map(others.map((other) => [other.name, other])).values()].map((other, i) =>
      link({ ifindex: 10 + i, mac: `02:bb:00:00:00:0${i}`, ...other }),
    ),
  ]);

const network: fc.Arbitrary<Network> = fc
  .record({
    links,
    extra: fc.array(fc.tuple(fc.constantFrom(2, 10, 11), octet, fc.constantFrom(24, 32)), { maxLength: 4 }),
    routes: fc.array(fc.tuple(fc.constantFrom(2, OTHER, 10, 11), octet, fc.constantFrom(0, 7)), { maxLength: 4 }),
    neighbours: fc.array(fc.tuple(fc.constantFrom(10, 11), octet, mac, fc.boolean()), { maxLength: 4 }),
  })
  .map((seed) => {
    const there = new Set(seed.links.map((l) => l.ifindex));
    const routes = seed.routes.filter(([ifindex]) => there.has(ifindex));
    return {
      links: seed.links,
      addresses: unique([
        address('10.9.0.1/24'),
        address('10.8.0.1/24', { ifindex: 3 }),
        address('fd00:9::1/64'),
        ...seed.extra.map(([ifindex, n, length]) => address(`10.7.0.${n}/${length}`, { ifindex })),
      ]).filter((a) => there.has(a.ifindex)),
      routes: unique([
        defaultRoute(),
        ...routes.map(([ifindex, n, metric]) => hostRoute(`10.9.0.${n}`, ifindex, { metric })),
        ...routes.slice(2).map(([ifindex, n]) => hostRoute(`fd00:9::${n}`, ifindex)),
      ]),
      neighbours: unique(
        seed.neighbours.map(([ifindex, n, m, isPermanent]) => {
          return { ifindex, family: 'IPv4' as const, address: `10.9.0.${n}`, mac: m, isPermanent };
        }),
      ).filter((n) => there.has(n.ifindex)),
    };
  });

/** One per kernel key: the kernel has no two routes with one destination and metric, and so on. */
function unique<T extends { ifindex?: number; address?: string; destination?: string; metric?: number }>(
  items: T[],
): T[] {
  const key = (item: T) => [
    item.destination === undefined ? item.ifindex : '',
    item.address,
    item.destination,
    item.metric,
  ];
  return [...new Map(items.map((item) => [JSON.stringify(key(item)), item])).values()];
}

const pods: fc.Arbitrary<AttachedPod[]> = fc.array(
  fc.tuple(octet, mac, fc.constantFrom(8, 9, 77)).map(([n, m, net]) => {
    const rest = { uid: 'u', attachment: 'lan', interface: 'net1' };
    const ips = [`10.${net}.0.${n}`, ...(n % 2 === 0 ? [`fd00:${net}::${n}`] : [])];
    return { namespace: 'home', name: `pod-${n}`, mac: m, ips, ...rest };
  }),
  { maxLength: 5 },
);

function planFor(facts: Network, pods: readonly AttachedPod[], parents: readonly number[]): readonly ShimPlan[] {
  const users = facts.links
    .filter((l) => parents.includes(l.ifindex))
    .map((parent) => ({ attachment: `on-${parent.ifindex}`, parent, pods }));
  return planShims(users, facts, UID).shims;
}

const FOREIGN = [1, 2, 3, OTHER];
const wantedParents = fc.subarray([2, 3]);

/** Rounds of diff and apply as the agent makes them; `watch` sees each step. */
function settle(
  start: Network,
  plan: (facts: Network) => readonly ShimPlan[],
  watch: (before: Network, after: Network) => void,
): Network {
  let facts = start;
  for (let round = 0; round < ROUNDS; round++) {
    for (const change of diffShims(plan(facts), facts, { nodeUid: UID })) {
      const after = applyChange(facts, change);
      // A route of somebody else's in the place of ours is the one refusal that may happen.
      if (typeof after === 'string') {
        expect(change.type === 'AddRoute' || (change.type === 'CreateMacvlan' && after === 'EEXIST')).toBe(true);
        continue;
      }
      watch(facts, after);
      facts = after;
    }
  }
  return facts;
}

describe('shims', () => {
  test('end as planned, and then nothing is left to do', () => {
    fc.assert(
      fc.property(network, pods, wantedParents, (start, all, parents) => {
        const plan = (facts: Network) => planFor(facts, all, parents);
        const end = settle(start, plan, () => {});
        const own = (shim: ShimPlan) => end.links.find((l) => l.name === shim.name)?.ifindex ?? 0;
        const blocked = (shim: ShimPlan) =>
          end.links.find((l) => l.ifindex === shim.parent)?.isUp === false ||
          end.routes.some((r) => {
            const isInPlace =
              r.metric === (r.family === 'IPv4' ? 0 : 1024) && shim.pods.some((p) => p.address === r.destination);
            return isInPlace && !r.links.includes(shim.parent) && !r.links.includes(own(shim));
          });
        for (const shim of plan(end)) if (!blocked(shim)) expect(isComplete(shim, end)).toBe(true);
        if (!plan(end).some(blocked)) expect(diffShims(plan(end), end, { nodeUid: UID })).toEqual([]);
      }),
      { numRuns: 500 },
    );
  });

  test('are silenced before they are started, in every step', () => {
    fc.assert(
      fc.property(network, pods, wantedParents, (start, all, parents) => {
        settle(
          start,
          (facts) => planFor(facts, all, parents),
          (before, after) => {
            for (const shim of after.links) {
              const wasUp = before.links.find((l) => l.ifindex === shim.ifindex)?.isUp === true;
              if (shim.kind !== 'macvlan' || !shim.isUp || wasUp) continue;
              expect([shim.arpFilter, shim.addressGeneration, shim.acceptsRouters]).toEqual([true, 'None', false]);
            }
          },
        );
      }),
    );
  });

  test('change nothing but macvlan links that carry our mark', () => {
    fc.assert(
      fc.property(network, pods, wantedParents, (start, all, parents) => {
        const end = settle(
          start,
          (facts) => planFor(facts, all, parents),
          () => {},
        );
        const isForeign = (l: Link) => FOREIGN.includes(l.ifindex) || !(l.note === SHIM_NOTE && l.kind === 'macvlan');
        const foreign = (facts: Network) => {
          const indexes = start.links.filter(isForeign).map((l) => l.ifindex);
          return {
            links: facts.links.filter((l) => indexes.includes(l.ifindex)),
            addresses: facts.addresses.filter((a) => indexes.includes(a.ifindex)),
            neighbours: facts.neighbours.filter((n) => indexes.includes(n.ifindex)),
            // A route to a pod over the parent itself is the one that ours takes the place of.
            routes: facts.routes.filter((r) =>
              r.links.some(
                (i) => i === OTHER || (indexes.includes(i) && ![0, 1024].includes(r.metric)) || r.prefixLength === 0,
              ),
            ),
          };
        };
        expect(foreign(end)).toEqual(foreign(start));
      }),
    );
  });

  test('are all gone, with everything on them, when no attachment wants them', () => {
    fc.assert(
      fc.property(network, pods, (start, all) => {
        const made = settle(
          start,
          (facts) => planFor(facts, all, [2, 3]),
          () => {},
        );
        const end = settle(
          made,
          () => [],
          () => {},
        );
        expect(end.links.filter((l) => l.note === SHIM_NOTE && l.kind === 'macvlan')).toEqual([]);
        const indexes = new Set(end.links.map((l) => l.ifindex));
        expect(end.addresses.every((a) => indexes.has(a.ifindex))).toBe(true);
      }),
    );
  });

  test('are planned the same from the same facts in any order', () => {
    fc.assert(
      fc.property(network, pods, wantedParents, (facts, all, parents) => {
        const shuffled = { ...facts, links: facts.links.toReversed() };
        const sorted = [...all].sort((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1));
        expect(planFor(shuffled, sorted, parents)).toEqual(planFor(facts, sorted, parents).map((shim) => shim));
      }),
    );
  });
});
