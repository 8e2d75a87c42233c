// The agent's end of the socket, with a supervisor on the other end that says what the test wants.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { DhcpClient } from '../../../../src/agent/dhcp/dhcp-client.ts';
import type { DhcpReport } from '../../../../src/domain/dhcp/protocol.ts';
import { monotonicClock } from '../../../../src/kernel/process/clock.ts';
import { type LinePeer, LineServer } from '../../../../src/kernel/process/line-socket.ts';
import { FakeClock } from '../../../support/fake-clock.ts';
import { until } from '../../../support/until.ts';

const lease = { container: 'a', network: 'lan', interface: 'net1', since: 0, server: 'Answers' } as const;
const report = (change: Partial<DhcpReport> = {}): DhcpReport => ({ since: 0, links: 1, leases: [], ...change });
const NAME = { container: 'a', network: 'lan', interface: 'net1' };

let folder: string;
let heard: string[];
let peers: LinePeer[];
let stopping: AbortController;
let changes: number;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'dhcp-client-'));
  heard = [];
  peers = [];
  changes = 0;
  stopping = new AbortController();
});

afterEach(() => {
  stopping.abort();
  rmSync(folder, { recursive: true });
});

const path = () => join(folder, 'control.sock');
const say = (words: object) => {
  for (const peer of peers) peer.say(JSON.stringify(words));
};

async function serve(answer?: object): Promise<LineServer> {
  const server = new LineServer(path(), {
    onLine: (line, peer) => {
      heard.push(line);
      peers.push(peer);
      if (answer !== undefined) peer.say(JSON.stringify(answer));
    },
  });
  await server.start();
  return server;
}

const watch = (isNeeded = true) => ({ onChange: () => void changes++, isNeeded: () => isNeeded });

test('what the supervisor says is seen, and only what is news to decisions is told', async () => {
  const server = await serve(report({ leases: [{ ...lease, phase: 'Bound', expires: 1 }] }));
  const client = new DhcpClient(path(), monotonicClock);
  void client.run(stopping.signal, watch());
  await until('it is there', () => client.sight.daemon === 'There');
  expect(changes).toBe(1);
  say(report({ leases: [{ ...lease, phase: 'Bound', expires: 2 }] }));
  await until('it was renewed', () => client.sight.report?.leases[0]?.expires === 2);
  expect(changes).toBe(1);
  say(report({ leases: [{ ...lease, phase: 'Renewing', expires: 3 }] }));
  await until('it is being renewed', () => client.sight.report?.leases[0]?.phase === 'Renewing');
  expect(changes).toBe(1);
  say(report({ leases: [{ ...lease, phase: 'Renewing', server: 'Silent' }] }));
  await until('silence is told', () => changes === 2);
  say(report({ leases: [{ ...lease, phase: 'Expired' }] }));
  await until('the loss is told', () => changes === 3);
  stopping.abort();
  await server.stop();
});

test('a supervisor that ends is missed at once, and missing after ten seconds; its last count stands', async () => {
  const clock = new FakeClock();
  const server = await serve(report({ links: 3, leases: [{ ...lease, phase: 'Bound' }] }));
  const client = new DhcpClient(path(), clock);
  void client.run(stopping.signal, watch());
  await until('it is there', () => client.sight.daemon === 'There');
  await server.stop();
  await until('it is missed', () => client.sight.daemon === 'Starting');
  expect(client.sight.report).toMatchObject({ links: 3, leases: [] });
  for (let i = 0; i < 11; i++) {
    await until('it looks again', () => clock.waiting > 0);
    await clock.advance(1000);
  }
  await until('it is missing', () => client.sight.daemon === 'Missing');
});

test('where nobody needs one, none is looked for and none is missing, and no timer wakes the process', async () => {
  const clock = new FakeClock();
  const client = new DhcpClient(path(), clock);
  void client.run(stopping.signal, watch(false));
  client.reconsider();
  await clock.advance(60_000);
  expect(client.sight).toEqual({ daemon: 'Starting' });
  expect(changes).toBe(0);
  expect(clock.waiting).toBe(0);
});

test('one that is needed after an hour in which none was is looked for at once, and not missing at once', async () => {
  const clock = new FakeClock();
  const client = new DhcpClient(path(), clock);
  let isNeeded = false;
  void client.run(stopping.signal, { onChange: () => void changes++, isNeeded: () => isNeeded });
  await clock.advance(3_600_000);
  isNeeded = true;
  client.reconsider();
  await until('it has looked', () => clock.waiting > 0);
  expect(client.sight).toEqual({ daemon: 'Starting' });
  const server = await serve(report());
  await clock.advance(1000);
  await until('it is there', () => client.sight.daemon === 'There');
  await server.stop();
});

test('requests carry the name of the client alone, and answers come back as they are', async () => {
  const server = await serve({ ok: 'No', because: 'no more tries' });
  const client = new DhcpClient(path(), monotonicClock);
  const more = { ...NAME, secret: 'x' };
  expect(await client.allocate(more)).toEqual({ ok: 'No', because: 'no more tries' });
  expect(heard.map((line) => JSON.parse(line) as object)).toEqual([{ verb: 'Allocate', ...NAME }]);
  await server.stop();
});

test('without a supervisor the answer is no, in words', async () => {
  const client = new DhcpClient(path(), monotonicClock);
  expect(await client.release(NAME)).toEqual({ ok: 'No', because: "the node's DHCP daemon is not there" });
});
