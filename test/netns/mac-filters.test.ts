// What a NIC listens for, on the real kernel: the MAC address of each macvlan link on it, wherever the link is, and only as long as
// something could be received by it.
import { once } from 'node:events';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { until } from '../support/until.ts';
import { Lab } from './support/lab.ts';

const MAC = '02:4d:00:00:00:71';
const CHILD = join(import.meta.dirname, 'support/filters-child.ts');
const ADDON = join(import.meta.dirname, '../../dist/netlink.node');

let lab: Lab;

beforeAll(async () => {
  lab = await Lab.start(['node', 'pod', 'lan']);
  await lab.ip('lan', 'link add sw0 type veth peer name nic netns node');
  await lab.ip('lan', 'link set sw0 up');
  await lab.ip('node', 'link set nic up');
});

afterAll(() => lab.stop());

async function heardOnNode(): Promise<boolean> {
  const text = await lab.exec('node', [process.execPath, CHILD, ADDON]);
  return (JSON.parse(text) as string[]).includes(MAC);
}

async function link(mode: string): Promise<void> {
  await lab.ip('node', `link add net1 link nic address ${MAC} type macvlan mode ${mode}`);
  await lab.ip('node', 'link set net1 netns pod');
}

test.each(['bridge', 'private', 'vepa'])('a link in a pod is told while it is up, in mode %s', async (mode) => {
  await link(mode);
  expect(await heardOnNode()).toBe(false);
  await lab.ip('pod', 'link set net1 up');
  expect(await heardOnNode()).toBe(true);
  await lab.ip('pod', 'link set net1 down');
  expect(await heardOnNode()).toBe(false);
  await lab.ip('pod', 'link set net1 up');
  await lab.ip('pod', 'link del net1');
  expect(await heardOnNode()).toBe(false);
});

test('a link of which nobody knows any more is told as long as it is there', async () => {
  await link('bridge');
  await lab.ip('pod', 'link set net1 up');
  const last = lab.spawn('pod', ['sh', '-c', 'echo inside; exec cat']);
  if (last.stdout !== null) await once(last.stdout, 'data');
  await lab.enter(['ip', 'netns', 'delete', 'pod']);
  expect(await heardOnNode()).toBe(true);
  last.kill('SIGKILL');
  await until('it is gone with its last process', async () => !(await heardOnNode()));
});
