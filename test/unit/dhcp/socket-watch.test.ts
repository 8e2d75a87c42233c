import { mkdtempSync, renameSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { staysBound } from '../../../src/dhcp/socket-watch.ts';
import type { Part } from '../../../src/kernel/process/lifecycle.ts';
import { LineServer } from '../../../src/kernel/process/line-socket.ts';
import { FakeClock } from '../../support/fake-clock.ts';

let folder: string;
let servers: LineServer[];
let failures: string[];
let clock: FakeClock;

const path = () => join(folder, 'dhcp.sock');

async function listen(at = path()): Promise<void> {
  const server = new LineServer(at, { onLine: () => {} });
  await server.start();
  servers.push(server);
}

async function watched(): Promise<Part> {
  const part = staysBound(path(), clock);
  const fail = (error: Error) => void failures.push(String(error.cause ?? error));
  await part.start({ signal: new AbortController().signal, fail });
  return part;
}

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'dhcp-socket-'));
  servers = [];
  failures = [];
  clock = new FakeClock();
});

afterEach(async () => {
  await Promise.all(servers.map((server) => server.stop()));
  rmSync(folder, { recursive: true });
});

const LOST = [expect.stringContaining('dhcp.sock is not our socket any more')];

test('a socket that stays is no news, nor is one that goes after the orderly end', async () => {
  await listen();
  const part = await watched();
  await clock.advance(60_000);
  await part.stop?.();
  rmSync(path());
  await clock.advance(60_000);
  expect(failures).toEqual([]);
});

test('a socket whose file was removed ends the process', async () => {
  await listen();
  await watched();
  rmSync(path());
  await clock.advance(2000);
  expect(failures).toEqual(LOST);
});

test("a socket whose file is another one's by now ends the process", async () => {
  await listen();
  await watched();
  await listen(`${path()}.other`);
  renameSync(`${path()}.other`, path());
  await clock.advance(2000);
  expect(failures).toEqual(LOST);
});

test('a socket that was gone before the first look ends the process', async () => {
  await watched();
  await clock.advance(0);
  expect(failures).toEqual(LOST);
});
