// The native addon where it can go wrong: throwing callbacks, overflow, ends in the middle, processes that should or should not end.

import { join } from 'node:path';
import { afterAll, beforeAll, expect, jest, test } from '@jest/globals';
import { buildAddon } from '../../scripts/build-addon.ts';
import { Lab } from './support/lab.ts';

jest.setTimeout(60_000);

let lab: Lab;

beforeAll(async () => {
  lab = await Lab.start(['node']);
});

afterAll(async () => {
  await lab.stop();
});

/** What the case prints. Rejects when its process crashes. */
async function run(name: string): Promise<string> {
  await lab.addNamespace(name);
  const program = join(import.meta.dirname, 'support/addon-cases.ts');
  const text = await lab.exec(name, [process.execPath, '--expose-gc', program, buildAddon(), name]);
  return text.trim();
}

test('an error in a callback is an uncaught exception, and the socket goes on', async () => {
  expect(await run('throws')).toBe('uncaught from the callback\ngoes on');
});

test('a callback may close its own socket', async () => {
  expect(await run('closesInside')).toBe('called 1');
});

test('events that were lost are told, and later ones are heard', async () => {
  expect(await run('overflows')).toBe('lost true, heard later true');
});

test('a socket keeps the process alive only while it is referenced', async () => {
  expect(await run('unref')).toBe('ends');
  expect(await run('ref')).toBe('still there');
});

test('workers may end with sockets open', async () => {
  expect(await run('worker')).toBe('workers ended');
});

test('closed sockets are given back', async () => {
  expect(await run('collects')).toBe('rss true');
});

test('every wrong argument of every function is an exception: no crash, no socket, and none of the node for one of a pod', async () => {
  expect((await run('wrongUse')).split('\n')).toEqual([
    '153 calls, 0 sockets left open',
    'Error: netlink socket: Invalid argument',
    'Error: netlink socket: Bad file descriptor',
    'Error: announcing IPv6 addresses: Invalid argument',
    'Error: packet socket: No such device',
    'Error: packet socket: No such device',
    'closed: -1',
  ]);
});

test('a socket for ARP hears the answers on its link, and nothing else', async () => {
  expect(await run('arp')).toBe('heard 2');
});

test('what another process writes comes as it was written, and not cut or joined', async () => {
  expect(JSON.parse(await run('messages'))).toEqual(['1 one\n1 two\n', '2 one\n2 two\n', '3 one\n3 two\n']);
});

test('a callback may open sockets, close its own, and have memory collected', async () => {
  expect(await run('reentry')).toBe('called 3');
});
