// The controller dies between two writes of a binding, and what the binding was for is gone when the next one comes.
import { beforeAll, expect, test } from '@jest/globals';
import type { FaultProxy, SeenRequest } from '../../support/fault-proxy.ts';
import { until } from '../../support/until.ts';
import { useProxiedWorld } from './use-world.ts';
import { type IdentityWorld, networksOf, type RunningController } from './world.ts';

const PATIENCE_MS = 45_000;

let world: IdentityWorld;
let proxy: FaultProxy;
let controller: RunningController;
const opened = useProxiedWorld();

beforeAll(async () => {
  ({ world, proxy } = opened());
  controller = await world.start({ url: proxy.url });
  await world.attach('lan', { ipam: { type: 'Pool', pool: { ranges: [{ subnet: '192.0.2.0/29' }] } } });
}, 600_000);

const makesIdentity = ({ method, path }: SeenRequest) => method === 'POST' && path.endsWith('/macvlanidentities');
const bindsPod = ({ method, path }: SeenRequest) => method === 'PATCH' && /\/pods\/[^/]*$/.test(path);

/** Lets a request hang, and ends the controller once it has come. */
async function dieAt(matches: (request: SeenRequest) => boolean): Promise<void> {
  await until('the request', () => proxy.requests.some(matches));
  proxy.cut();
  await controller.stop();
}

test('claims for an identity that was never made are given up, when nobody asks for it any more', async () => {
  proxy.inject(makesIdentity, { type: 'no-answer' }, Number.POSITIVE_INFINITY);
  await world.makePod('short-lived');
  await dieAt(makesIdentity);
  expect(await world.claims()).toHaveLength(2);
  await world.forceDelete('short-lived');
  proxy.clear();
  controller = await world.start({ url: proxy.url, orphansMs: 1000 });
  await until('no claim is left', async () => (await world.claims()).length === 0, PATIENCE_MS);
}, 120_000);

test('a pod whose identity has it for its holder and that was not let go is bound to just that', async () => {
  proxy.inject(bindsPod, { type: 'no-answer' }, Number.POSITIVE_INFINITY);
  await world.makePod('half', { identity: 'half' });
  await dieAt(bindsPod);
  const before = await world.identity('half');
  expect(before?.status?.holder?.pod).toBe('half');
  proxy.clear();
  controller = await world.start({ url: proxy.url });
  const [link] = networksOf(await world.bound('half', PATIENCE_MS));
  expect(before?.spec.attachments).toEqual([{ attachment: 'lan', index: 0, mac: link?.mac, ips: link?.ips }]);
  expect(await world.claims()).toHaveLength(2);
}, 120_000);
