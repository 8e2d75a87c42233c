// An old leader, frozen in the middle of its bindings and woken when the new one has given the addresses to others: it changes nothing.
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { POD, type Pod } from '../../../src/api/kube.ts';
import { CLAIM } from '../../../src/api/v1alpha1/claim.ts';
import { IDENTITY } from '../../../src/api/v1alpha1/identity.ts';
import { LEASE_NAME } from '../../../src/controller/controller.ts';
import { LEASE } from '../../../src/kernel/leader/lease.ts';
import { type ControllerProcess, startControllerProcess } from '../../support/controller-process.ts';
import { until } from '../../support/until.ts';
import { NAMESPACE, tokenOf } from '../chart/accounts.ts';
import { useIdentityWorld } from './use-world.ts';
import { HOME, type IdentityWorld, networksOf } from './world.ts';

/** As many pods as the pool has addresses: 192.0.2.64 to .127, whose subnet is larger. */
const PODS = 64;
const FREED = 12;
/** When so many are bound, the leader is in the middle. */
const IN_THE_MIDDLE = 8;
const LONG_MS = 120_000;

let world: IdentityWorld;
const processes: ControllerProcess[] = [];
afterAll(async () => {
  await Promise.all(processes.map((process) => process.stop()));
}, 60_000);
const opened = useIdentityWorld();

beforeAll(async () => {
  world = opened();
  await start('first');
  await until('the first leads', async () => (await holder()).startsWith('first'), LONG_MS);
  await (await start('second')).ready();
  const ranges = [{ subnet: '192.0.2.0/24', start: '192.0.2.64', end: '192.0.2.127' }];
  await world.attach('lan', { ipam: { type: 'Pool', pool: { ranges } } });
}, 600_000);

async function start(podName: string): Promise<ControllerProcess> {
  const { url, ca } = world.plane;
  const token = await tokenOf(world.plane, 'macvlan-controller');
  const started = await startControllerProcess({ podName, namespace: NAMESPACE, server: url, ca, token });
  processes.push(started);
  return started;
}

async function holder(): Promise<string> {
  const lease = await world.client.get(LEASE, { namespace: NAMESPACE, name: LEASE_NAME });
  return lease?.spec?.holderIdentity ?? '';
}

const podsThere = async () => (await world.client.list<Pod>(POD, { namespace: HOME })).items;
const boundOnes = (pods: readonly Pod[]) =>
  pods.filter((pod) => pod.metadata.labels?.['macvlan.dev/gated'] === 'bound');

/** Every version of every object that a binding writes. */
async function versions(): Promise<readonly string[]> {
  const lists = [await world.client.list(IDENTITY), await world.client.list(CLAIM), { items: await podsThere() }];
  return lists
    .flatMap(({ items }) => items.map(({ metadata }) => `${metadata.name} ${metadata.resourceVersion}`))
    .toSorted();
}

function expectEachAddressOnce(pods: readonly Pod[]): void {
  const addresses = pods.flatMap((pod) => networksOf(pod).flatMap(({ mac = '', ips = [] }) => [mac, ...ips]));
  expect(new Set(addresses).size).toBe(addresses.length);
  expect(addresses.length).toBe(2 * pods.length);
}

test('nothing leaks, nobody gets what another has, and all bindings are completed', async () => {
  const names = Array.from({ length: PODS }, (_, i) => `many-${i}`);
  const made = Promise.all(names.map((name) => world.makePod(name)));
  await until('some pods are bound', async () => boundOnes(await podsThere()).length >= IN_THE_MIDDLE, LONG_MS);
  const [first] = processes;
  first?.signal('SIGSTOP');
  expect(boundOnes(await podsThere()).length).toBeLessThan(PODS);
  await made;
  await until('the second leads', async () => (await holder()).startsWith('second'), LONG_MS);
  await until('all pods are bound', async () => boundOnes(await podsThere()).length === PODS, LONG_MS);
  expectEachAddressOnce(await podsThere());

  // Some go, with their identities, and others get their addresses: there are no more of them.
  for (const name of names.slice(-FREED)) {
    const key = { namespace: HOME, name: `pod-${name}` };
    await world.client.mergePatch(IDENTITY, key, { spec: { reclaim: { type: 'Delete', after: '0s' } } });
    await world.forceDelete(name); // it was never sent to a node
  }
  for (let i = 0; i < FREED; i++) await world.makePod(`heir-${i}`);
  const isSettled = async () =>
    boundOnes(await podsThere()).length === PODS && (await world.claims()).length === 2 * PODS;
  await until('the heirs are bound', isSettled, LONG_MS);

  const before = await versions();
  first?.signal('SIGCONT');
  expect(await first?.ended).toMatchObject({ code: 1 });
  expect(await versions()).toEqual(before);
  expectEachAddressOnce(await podsThere());
}, 300_000);
