// Over any history of a node: the alias is on the NIC that was verified for it, on one at a time, and never on a wrong one.
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { ParentMatch } from '../../src/api/v1alpha1/attachment.ts';
import type { Link, Network } from '../../src/domain/net/network.ts';
import { diffAliases } from '../../src/domain/parent/alias.ts';
import { type Choice, decideParent } from '../../src/domain/parent/match.ts';
import { attachment } from '../support/builders.ts';
import { address, applyChange, defaultRoute, deleteLink, link, loopback } from '../support/network.ts';

const NAMES = ['eth0', 'eth1', 'lan0'];
const MACS = ['52:54:00:00:00:01', '52:54:00:00:00:02'];

type Event = (world: World) => void;

/** The node, and what the agent remembers. `nextIndex` grows for ever, as in the kernel. */
interface World {
  network: Network;
  match: ParentMatch;
  choice: Choice | undefined;
  nextIndex: number;
  /** The index with which another device has just come. */
  swapped: number | undefined;
}

function update(world: World, ifindex: number, change: (l: Link) => Link): void {
  world.network = { ...world.network, links: world.network.links.map((l) => (l.ifindex === ifindex ? change(l) : l)) };
}

function byPosition(world: World, n: number): number | undefined {
  const nics = world.network.links.filter((l) => l.type === 'Ethernet');
  return nics[n % Math.max(1, nics.length)]?.ifindex;
}

const position = fc.nat({ max: 4 });
const name = fc.constantFrom(...NAMES);
const isFree = (world: World, wanted: string) =>
  !world.network.links.some((l) => l.name === wanted || l.altNames.includes(wanted));

/** Everything that can happen to a node and its spec. */
const event: fc.Arbitrary<Event> = fc.oneof(
  fc.tuple(name, fc.constantFrom(...MACS), fc.constantFrom(undefined, 'bridge', 'veth')).map(
    ([wanted, mac, kind]): Event =>
      (world) => {
        if (!isFree(world, wanted)) return;
        const ifindex = world.nextIndex++;
        const nic = link({ ifindex, name: wanted, mac, ...(kind === undefined ? {} : { kind }) });
        world.network = { ...world.network, links: [...world.network.links, nic] };
      },
  ),
  position.map(
    (n): Event =>
      (world) => {
        const after = deleteLink(world.network, byPosition(world, n) ?? 0);
        if (typeof after !== 'string') world.network = after;
      },
  ),
  position.map(
    (n): Event =>
      (world) => {
        // From another namespace, where it had this very index, in the moment in which the NIC left.
        world.swapped = byPosition(world, n);
        const mac = `52:54:00:01:00:${(world.nextIndex++ % 256).toString(16).padStart(2, '0')}`;
        update(world, world.swapped ?? 0, (l) => link({ ifindex: l.ifindex, name: l.name, mac }));
      },
  ),
  fc.tuple(position, name).map(
    ([n, wanted]): Event =>
      (world) => {
        if (isFree(world, wanted)) update(world, byPosition(world, n) ?? 0, (l) => ({ ...l, name: wanted }));
      },
  ),
  fc.tuple(position, fc.boolean()).map(
    ([n, hasCarrier]): Event =>
      (world) => {
        update(world, byPosition(world, n) ?? 0, (l) => ({ ...l, hasCarrier }));
      },
  ),
  fc.tuple(position, fc.constantFrom(...MACS)).map(
    ([n, mac]): Event =>
      (world) => {
        update(world, byPosition(world, n) ?? 0, (l) => ({ ...l, mac }));
      },
  ),
  fc.tuple(position, fc.boolean()).map(
    ([n, isPort]): Event =>
      (world) => {
        update(world, byPosition(world, n) ?? 0, ({ master: _, ...l }) => (isPort ? { ...l, master: 99 } : l));
      },
  ),
  position.map(
    (n): Event =>
      (world) => {
        world.network = { ...world.network, routes: [defaultRoute(byPosition(world, n) ?? 0)] };
      },
  ),
  fc.tuple(position, fc.constantFrom('mva-lan', 'mva-gone', 'user-name')).map(
    ([n, alias]): Event =>
      (world) => {
        const after = applyChange(world.network, {
          type: 'AddAltName',
          ifindex: byPosition(world, n) ?? 0,
          name: alias,
        });
        if (typeof after !== 'string') world.network = after;
      },
  ),
  fc
    .constantFrom<ParentMatch>({ name: 'eth0' }, { name: 'lan0' }, { mac: MACS[0] ?? '' }, { defaultRoute: 'IPv4' })
    .map(
      (match): Event =>
        (world) => {
          world.match = match;
        },
    ),
  fc.constant<Event>((world) => {
    world.choice = undefined; // the agent was replaced and its memory is gone
  }),
);

/** One turn of the agent, as far as the alias goes. Returns the NIC that is to carry it. */
function turn(world: World): number | undefined {
  const decision = decideParent(
    attachment({ spec: { parents: [{ interface: world.match }] } }),
    {},
    world.network,
    world.choice,
  );
  world.choice = decision.type === 'Chosen' ? decision.choice : undefined;
  const wanted = new Map(decision.type === 'Chosen' ? [['mva-lan', decision.link.ifindex]] : []);
  for (const change of diffAliases(wanted, new Set(['mva-lan']), world.network.links)) {
    const after = applyChange(world.network, change);
    if (typeof after === 'string') throw new Error(`${change.type}: ${after}`);
    world.network = after;
  }
  return decision.type === 'Chosen' ? decision.link.ifindex : undefined;
}

/** The rule, read by somebody else. */
function isRight(match: ParentMatch, nic: Link, network: Network): boolean {
  if (nic.type !== 'Ethernet' || nic.master !== undefined) return false;
  if (match.name !== undefined) return nic.name === match.name;
  if (match.mac !== undefined) return nic.mac === match.mac;
  return network.routes.some((r) => r.prefixLength === 0 && r.links[0] === nic.ifindex);
}

function start(): World {
  const links = [loopback(), link({ ifindex: 2, name: 'eth0' })];
  const network = { links, addresses: [address('10.9.0.1/24')], routes: [defaultRoute()], neighbours: [] };
  return { network, match: { name: 'eth0' }, choice: undefined, nextIndex: 3, swapped: undefined };
}

interface Standing {
  readonly ifindex: number | undefined;
  readonly match: string;
}

/** Whoever carries the alias newly is the only NIC that the rule fits. */
function expectRight(world: World, carriers: readonly Link[]): void {
  if (carriers.length === 0) return;
  const right = world.network.links.filter((l) => isRight(world.match, l, world.network));
  expect(right.map((l) => l.ifindex)).toEqual(carriers.map((l) => l.ifindex));
}

describe('the alias, over any history', () => {
  test('comes only to the one NIC that is right, and stays only while device and wish are the same', () => {
    fc.assert(
      fc.property(fc.array(event, { maxLength: 40 }), (events) => {
        const world = start();
        let before: Standing = { ifindex: undefined, match: '' };
        for (const happen of events) {
          happen(world);
          const hadChoice = world.choice !== undefined;
          const chosen = turn(world);
          const carriers = world.network.links.filter((l) => l.altNames.includes('mva-lan'));
          expect(carriers.map((l) => l.ifindex)).toEqual(chosen === undefined ? [] : [chosen]);
          const now = { ifindex: chosen, match: JSON.stringify(world.match) };
          const isSame = now.ifindex === before.ifindex && world.swapped !== now.ifindex;
          const isKept = hadChoice && isSame && now.match === before.match;
          world.swapped = undefined;
          if (!isKept) expectRight(world, carriers);
          expect(carriers.every((l) => l.master === undefined)).toBe(true);
          before = now;
        }
      }),
      { numRuns: 1000 },
    );
  });

  test('is the only altname that comes or goes, and turns after the first change nothing', () => {
    fc.assert(
      fc.property(fc.array(event, { maxLength: 40 }), (events) => {
        const world = start();
        for (const happen of events) {
          happen(world);
          const foreign = (facts: Network) => facts.links.map((l) => l.altNames.filter((n) => !n.startsWith('mva-')));
          const before = foreign(world.network);
          turn(world);
          expect(foreign(world.network)).toEqual(before);
          const settled = world.network;
          turn(world);
          expect(world.network).toBe(settled);
        }
      }),
    );
  });
});
