import { beforeEach, expect, test } from '@jest/globals';
import { RivalWatch } from '../../../../src/agent/pods/rival-watch.ts';
import type { Neighbour } from '../../../../src/domain/net/network.ts';
import type { LinkSight } from '../../../../src/domain/pod/link-state.ts';
import type { LanFacts } from '../../../../src/domain/pod/rivals.ts';
import { attachment } from '../../../support/builders.ts';
import { FakeClock } from '../../../support/fake-clock.ts';

const OTHER = '00:11:22:33:44:55';
const never = new AbortController().signal;

let clock: FakeClock;
let asked: (readonly string[])[];
let taken: ReadonlySet<string>;
let changes: number;
let watch: RivalWatch;

beforeEach(() => {
  clock = new FakeClock();
  asked = [];
  taken = new Set();
  changes = 0;
  const neighbour = (address: string): Neighbour => ({
    ifindex: 2,
    family: 'IPv4',
    address,
    mac: OTHER,
    isPermanent: false,
  });
  watch = new RivalWatch({
    lan: {
      ask: async (_parent, addresses) => {
        asked.push(addresses);
        return addresses.filter((address) => taken.has(address)).map(neighbour);
      },
      close: async () => {},
    },
    onChange: () => {
      changes += 1;
    },
    clock,
  });
});

/** So many pods, with one link each. */
function pods(count: number): LanFacts {
  const sights = Array.from({ length: count }, (_, i) => {
    const addresses = [{ address: `192.0.2.${i + 1}`, prefixLength: 24 }];
    const mac = `02:4d:00:00:00:${(i + 1).toString(16).padStart(2, '0')}`;
    const cached = {
      uid: `u${i}`,
      interface: 'net1',
      attachment: 'lan',
      mac,
      addresses,
    } as unknown as LinkSight['cached'];
    return [`u${i}/net1`, { cached, live: { isRepaired: false } }] as const;
  });
  return {
    sights: new Map(sights),
    attachments: new Map([['lan', attachment()]]),
    parents: new Map([['lan', 2]]),
  };
}

/** Turns, each when it was asked for, for so long. Returns how many there were. */
async function turnsFor(ms: number): Promise<number> {
  const end = clock.now() + ms;
  for (let turns = 1; ; turns++) {
    const answer = await watch.turn(never);
    const pause = answer.type === 'later' ? answer.ms : Number.POSITIVE_INFINITY;
    if (clock.now() + pause > end) {
      await clock.advance(end - clock.now());
      return turns;
    }
    await clock.advance(pause);
  }
}

test('each address is asked for once and then rarely, a few at a time', async () => {
  expect(watch.follow(pods(200))).toBe(true);
  expect(watch.follow(pods(200))).toBe(false);
  await turnsFor(1000);
  expect(asked.map((addresses) => addresses.length)).toEqual([32, 32, 32, 32, 32, 32, 8]);
  // Each address at most every four minutes, 32 of them at a time, and once a minute those that are left.
  expect(await turnsFor(3600_000)).toBeLessThan(60 + (200 * 15) / 32);
  expect(changes).toBe(0);
});

test('a link that comes is asked for at once, and one that goes no more', async () => {
  watch.follow(pods(1));
  await turnsFor(60_000);
  expect(watch.follow(pods(2))).toBe(true);
  await watch.turn(never);
  expect(asked.at(-1)).toContain('192.0.2.2');
  watch.follow(pods(0));
  expect(await watch.turn(never)).toEqual({ type: 'done' });
});

test('somebody else is told when he has answered twice, and no longer when he has gone', async () => {
  taken = new Set(['192.0.2.2']);
  watch.follow(pods(3));
  await watch.turn(never);
  expect(watch.rivals.size).toBe(0);
  await turnsFor(6000);
  expect([...watch.rivals]).toEqual([['u1/net1', [{ address: '192.0.2.2', mac: OTHER }]]]);
  expect(changes).toBe(1);
  await turnsFor(300_000);
  expect(changes).toBe(1);
  taken = new Set();
  await turnsFor(61_000);
  expect(watch.rivals.size).toBe(0);
  expect(changes).toBe(2);
});

test('somebody who was there for a moment only, as a pod that moves, is not told', async () => {
  taken = new Set(['192.0.2.1']);
  watch.follow(pods(1));
  await watch.turn(never);
  taken = new Set();
  await turnsFor(3600_000);
  expect(changes).toBe(0);
});

test('who answers for all is not told', async () => {
  taken = new Set(Array.from({ length: 255 }, (_, i) => `192.0.2.${i}`));
  watch.follow(pods(3));
  await turnsFor(3600_000);
  expect(changes).toBe(0);
});

test('a pod that goes takes with it what was told of it', async () => {
  taken = new Set(['192.0.2.1', '192.0.2.2']);
  watch.follow(pods(2));
  await turnsFor(6000);
  expect(watch.rivals.size).toBe(2);
  watch.follow(pods(1));
  expect([...watch.rivals.keys()]).toEqual(['u0/net1']);
});
