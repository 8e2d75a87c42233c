// Addresses in two places: told on pods, identity and attachment, and taken back by itself; what agents say counts where pods agree.
import { beforeAll, expect, test } from '@jest/globals';
import { ATTACHMENT } from '../../../src/api/v1alpha1/attachment.ts';
import { NODE_STATE, type NodePod } from '../../../src/api/v1alpha1/node-state.ts';
import { until } from '../../support/until.ts';
import { useIdentityWorld } from './use-world.ts';
import { HOME, type IdentityWorld, networksOf } from './world.ts';

let world: IdentityWorld;
const opened = useIdentityWorld();

let own: { readonly mac: string; readonly ip: string };

beforeAll(async () => {
  world = opened();
  await world.start();
  // The other pod brings .99, which the pool must not have given away by chance.
  const ranges = [{ subnet: '192.0.2.0/24', end: '192.0.2.90' }];
  await world.attach('lan', { ipam: { type: 'Pool', pool: { ranges } } });
  await world.makePod('a');
  const [link] = networksOf(await world.bound('a'));
  own = { mac: link?.mac ?? '', ip: link?.ips?.[0]?.replace('/24', '') ?? '' };
  await world.schedule('a', 'node-a');
  await world.makePod('stranger', { identity: 'none' });
  await world.schedule('stranger', 'node-b');
}, 600_000);

/** What the agent of a node says of its pods. */
async function report(node: string, pods: readonly Partial<NodePod>[]): Promise<void> {
  const entries = await Promise.all(
    pods.map(async (init) => {
      const found = await world.pod(init.name ?? '');
      const rest = {
        namespace: HOME,
        uid: found?.metadata.uid,
        attachment: 'lan',
        interface: 'net1',
        state: 'Attached',
      };
      return { ...rest, ...init };
    }),
  );
  const header = { apiVersion: NODE_STATE.apiVersion, kind: NODE_STATE.kind, metadata: { name: node } };
  const entry = { name: 'lan', phase: 'Ready', interface: 'eth0', ifindex: 2, incarnation: `boot-of-${node}/2` };
  const status = { attachments: [entry], pods: entries };
  await world.client.apply(NODE_STATE, header, { manager: 'test' });
  await world.client.apply(NODE_STATE, { ...header, status }, { manager: 'test', subresource: 'status', force: true });
}

async function conflict(status: 'True' | 'False'): Promise<string> {
  const found = await until(`the condition Conflict is ${status}`, async () => {
    const conditions = (await world.identity('pod-a'))?.status?.conditions ?? [];
    return conditions.find((condition) => condition.type === 'Conflict' && condition.status === status);
  });
  return found?.message ?? '';
}

async function problems(): Promise<readonly string[]> {
  const attachment = await world.client.get(ATTACHMENT, { name: 'lan' });
  const told = attachment?.status?.problems ?? [];
  return told.filter(({ reason }) => reason === 'AddressConflict').map(({ message }) => message);
}

test('a pod that has the addresses of another identity is told, and so are identity and attachment, until it is over', async () => {
  await report('node-a', [
    { name: 'a', mac: own.mac, ips: [own.ip] },
    // Not on this node: nobody can make a conflict by saying so.
    { name: 'stranger', mac: '02:4d:00:00:00:99', ips: [own.ip] },
  ]);
  await report('node-b', [{ name: 'stranger', mac: own.mac, ips: ['192.0.2.99'] }]);

  const where = `${own.mac} on lan is in use by pod home/a on node node-a and pod home/stranger on node node-b. It belongs to MacvlanIdentity home/pod-a.`;
  expect(await conflict('True')).toContain(where);
  expect(await conflict('True')).not.toContain(own.ip);
  expect(await world.told('stranger', 'AddressConflict')).toContain(where);
  expect(await world.told('pod-a', 'AddressConflict')).toContain(where);
  await until('the attachment has the problem', async () => (await problems())[0]?.includes(where) === true);

  await report('node-b', [{ name: 'stranger', mac: '02:4d:00:00:00:98', ips: ['192.0.2.99'] }]);
  expect(await conflict('False')).toBe('Its addresses are nowhere else.');
  await until('the attachment has no problem any more', async () => (await problems()).length === 0);
  // Nothing was changed.
  expect((await world.pod('a'))?.metadata.deletionTimestamp).toBeUndefined();
  expect((await world.pod('stranger'))?.metadata.deletionTimestamp).toBeUndefined();
}, 60_000);

test('an address that another host of the LAN answers for is told until its agent takes it back', async () => {
  await report('node-a', [{ name: 'a', mac: own.mac, ips: [own.ip], duplicates: [own.ip] }]);
  expect(await conflict('True')).toContain(
    `${own.ip} on lan is in use by pod home/a on node node-a and another device on the LAN.`,
  );
  await report('node-a', [{ name: 'a', mac: own.mac, ips: [own.ip] }]);
  await conflict('False');
}, 60_000);

test('addresses that an agent sees on pods without identity are given away last', async () => {
  const range = { subnet: '198.51.100.0/24', start: '198.51.100.8', end: '198.51.100.15' };
  await world.attach('small', { ipam: { type: 'Pool', pool: { ranges: [range] } } });
  const seen = [8, 9, 10, 11, 12, 14, 15].map((last) => `198.51.100.${last}`);
  await report('node-b', [{ name: 'stranger', attachment: 'small', mac: '02:4d:00:00:00:98', ips: seen }]);
  await until('the report is seen', async () => {
    const attachment = await world.client.get(ATTACHMENT, { name: 'small' });
    return attachment?.status?.pods?.attached === 1;
  });
  await world.makePod('spared', { networks: 'small' });
  expect(networksOf(await world.bound('spared'))[0]?.ips).toEqual(['198.51.100.13/24']);
  await world.makePod('unlucky', { networks: 'small' });
  const [ip = ''] = networksOf(await world.bound('unlucky'))[0]?.ips ?? [];
  expect(seen).toContain(ip.replace('/24', ''));
}, 60_000);
