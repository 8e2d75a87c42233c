// One agent works, the next waits for its end and says so; and the ports of the node's network go along.
import type { AddressInfo } from 'node:net';
import { connect, createServer, type Server } from 'node:net';
import { afterEach, expect, test } from '@jest/globals';
import { NodeLock, partsInTurn } from '../../../src/agent/lock.ts';
import { monotonicClock as clock } from '../../../src/kernel/process/clock.ts';
import { HealthServer } from '../../../src/kernel/process/health.ts';
import type { Logger } from '../../../src/kernel/process/logger.ts';
import { until } from '../../support/until.ts';

const locks: NodeLock[] = [];
const servers: (Server | HealthServer)[] = [];
const never = new AbortController().signal;
let names = 0;

function lockOf(name: string): { lock: NodeLock; said: string[] } {
  const said: string[] = [];
  const say = (...words: unknown[]) => void said.push(String(words.at(-1)));
  const lock = new NodeLock({ clock, name, logger: { info: say, warn: say } as unknown as Logger });
  locks.push(lock);
  return { lock, said };
}

const newName = () => `macvlan-lock-test-${process.pid}-${names++}`;

afterEach(async () => {
  for (const lock of locks.splice(0)) lock.release();
  for (const server of servers.splice(0)) await (server instanceof HealthServer ? server.stop() : server.close());
});

test('one has the lock at once; a second waits, says so once, and has it when the first gives it back', async () => {
  const name = newName();
  const [first, second] = [lockOf(name), lockOf(name)];
  expect(await first.lock.acquire(never)).toBe(true);
  expect(first.lock.problem).toBeUndefined();
  const waiting = second.lock.acquire(never);
  await until('the second waits', () => second.lock.problem !== undefined);
  expect(second.lock.problem).toContain('another agent');
  first.lock.release();
  expect(await waiting).toBe(true);
  expect(second.lock.problem).toBeUndefined();
  expect(second.said).toEqual([
    'another agent works on this node: waiting for its end',
    'the other agent has ended: this one works from here on',
  ]);
  expect(first.said).toEqual([]);
});

test('of three, one has it at any time, and each has its turn', async () => {
  const name = newName();
  const order: number[] = [];
  let holders = 0;
  await Promise.all(
    [0, 1, 2].map(async (i) => {
      const { lock } = lockOf(name);
      await lock.acquire(never);
      holders += 1;
      expect(holders).toBe(1);
      order.push(i);
      await new Promise((resolve) => setTimeout(resolve, 20));
      holders -= 1;
      lock.release();
    }),
  );
  expect(order.toSorted()).toEqual([0, 1, 2]);
});

test('a wait ends with the signal', async () => {
  const name = newName();
  await lockOf(name).lock.acquire(never);
  const stop = new AbortController();
  const { lock } = lockOf(name);
  const waiting = lock.acquire(stop.signal);
  await until('it waits', () => lock.problem !== undefined);
  stop.abort();
  expect(await waiting).toBe(false);
});

test('whether the lock is held can be asked without waiting', async () => {
  const name = newName();
  const { lock } = lockOf(name);
  expect(await lock.isHeld()).toBe(false);
  await lock.acquire(never);
  expect(await lockOf(name).lock.isHeld()).toBe(true);
});

test('a name that cannot be had for another reason keeps no agent from its work', async () => {
  const { lock, said } = lockOf('x'.repeat(200));
  expect(await lock.acquire(never)).toBe(true);
  expect(said).toEqual(['no lock is to be had here: working without one']);
});

test('whoever connects again and again takes no more than eight descriptors of the holder', async () => {
  const name = newName();
  await lockOf(name).lock.acquire(never);
  const sockets = Array.from({ length: 20 }, () =>
    connect(`\0${name}`)
      .on('error', () => {})
      .resume(),
  );
  await until('the others are hung up on', () => sockets.filter(({ destroyed }) => destroyed).length === 12);
  expect(await lockOf(name).lock.isHeld()).toBe(true);
  for (const socket of sockets) socket.destroy();
});

/** A port of the loopback address that is taken, and a server for probes that wants it. */
async function takenPort(): Promise<{ holder: Server; health: HealthServer }> {
  const holder = createServer();
  await new Promise<void>((resolve) => holder.listen(0, '127.0.0.1', resolve));
  const health = new HealthServer({ host: '127.0.0.1', port: (holder.address() as AddressInfo).port });
  servers.push(holder, health);
  return { holder, health };
}

test('an agent that waits for the one that works waits for its ports as well', async () => {
  const name = newName();
  const first = lockOf(name).lock;
  await first.acquire(never);
  const { holder, health } = await takenPort();
  const { lock } = lockOf(name);
  const { endpoints, turn } = partsInTurn({ lock, health, clock });
  const context = { signal: never, fail: () => {} };
  await endpoints.start(context);
  const started = turn.start(context);
  await until('it waits', () => lock.problem !== undefined);
  first.release(); // and its ports a little later
  await until('it has the lock', () => lock.problem === undefined);
  await new Promise<void>((resolve) => holder.close(() => resolve()));
  await started;
  const port = health.port;
  expect((await fetch(`http://127.0.0.1:${port}/healthz`)).status).toBe(200);
});

test('a port that somebody else has is an error at once', async () => {
  const { health } = await takenPort();
  const { endpoints } = partsInTurn({ lock: lockOf(newName()).lock, health, clock });
  await expect(endpoints.start({ signal: never, fail: () => {} })).rejects.toMatchObject({ code: 'EADDRINUSE' });
});
