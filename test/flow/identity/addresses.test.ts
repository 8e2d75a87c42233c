// Which addresses an identity gets: from pools, from derivation, or as somebody chose them.
import { beforeAll, describe, expect, test } from '@jest/globals';
import { ATTACHMENT } from '../../../src/api/v1alpha1/attachment.ts';
import { CLAIM } from '../../../src/api/v1alpha1/claim.ts';
import { IDENTITY } from '../../../src/api/v1alpha1/identity.ts';
import type { Ipam, PoolRange } from '../../../src/api/v1alpha1/ipam.ts';
import { until } from '../../support/until.ts';
import { writeNodeState } from '../controller/world.ts';
import { useIdentityWorld } from './use-world.ts';
import { HOME, type IdentityWorld, networksOf } from './world.ts';

let world: IdentityWorld;
const opened = useIdentityWorld();

const pool = (fields: Partial<PoolRange>, ...more: PoolRange[]): Ipam => ({
  type: 'Pool',
  pool: { ranges: [{ subnet: '192.0.2.0/24', gateway: '192.0.2.1', ...fields }, ...more] },
});

beforeAll(async () => {
  world = opened();
  await world.start();
  await world.attach('lan');
  await world.attach('small', { ipam: pool({ start: '192.0.2.0', end: '192.0.2.3' }) });
  const v6 = { subnet: 'fd00:1::/64', exclude: ['fd00:1::8000:0:0:0/65'] };
  await world.attach('dual', {
    ipam: pool({ start: '192.0.2.100', end: '192.0.2.120', exclude: ['192.0.2.104/29'] }, v6),
  });
  await world.attach('open', { pins: 'Allow', ipam: pool({}) });
  await world.attach('fixed', { pins: 'Allow', ipam: { type: 'Static' } });
  const nic = { name: 'eth0', ifindex: 2, mac: '02:aa:00:00:00:01', mtu: 1500, state: 'Up' } as const;
  await writeNodeState(world.client, 'node-a', { interfaces: [nic] });
}, 600_000);

const linkOf = async (name: string) => networksOf(await world.bound(name))[0];
const identityOf = (name: string, attachments: object[]) =>
  world.client.create(IDENTITY, { metadata: { namespace: HOME, name }, spec: { attachments } } as never);

describe('a pool', () => {
  test('gives an address of each family with the prefix of its subnet, and never the gateway or what is excluded', async () => {
    await world.makePod('two', { networks: 'dual' });
    const [v4 = '', v6 = ''] = (await linkOf('two'))?.ips ?? [];
    expect(v4).toMatch(/^192\.0\.2\.1(0[0-3]|1[2-9]|20)\/24$/);
    expect(v6).toMatch(/^fd00:1::[0-7]?.*\/64$/);
    const names = (await world.claims())
      .filter(({ spec }) => spec.identity.name === 'pod-two')
      .map(({ metadata }) => metadata.name);
    expect(names).toContainEqual(`ip-dual-${v4.replace('/24', '').replaceAll('.', '-')}`);
    expect(names).toContainEqual(expect.stringMatching(/^ip-dual-fd00-1-0-0-/));
  });

  test('that is exhausted keeps a pod waiting with a reason, and binds it when an address is freed', async () => {
    // .0 is the subnet's own, .1 the gateway: two are left.
    for (const name of ['one', 'other']) await world.makePod(name, { networks: 'small' });
    const [one, other] = [await linkOf('one'), await linkOf('other')];
    expect([one?.ips?.[0], other?.ips?.[0]].toSorted()).toEqual(['192.0.2.2/24', '192.0.2.3/24']);
    await world.makePod('third', { networks: 'small' });
    expect(await world.told('third', 'PoolExhausted')).toContain('All IPv4 addresses of attachment small are taken');
    expect((await world.identity('pod-third'))?.status).toMatchObject({ phase: 'Waiting' });

    await world.schedule('one', 'node-a');
    await world.client.mergePatch(
      IDENTITY,
      { namespace: HOME, name: 'pod-one' },
      { spec: { reclaim: { type: 'Delete', after: '0s' } } },
    );
    await world.endPod('one');
    expect((await linkOf('third'))?.ips).toEqual(one?.ips);
  });

  test('that excludes an address by now gives another one to the next pod, and the old one to nobody', async () => {
    const shrink = (range: Partial<PoolRange>) =>
      world.client.mergePatch(ATTACHMENT, { name: 'shrinking' }, { spec: { ipam: pool(range) } });
    await world.attach('shrinking', { ipam: pool({ start: '192.0.2.50', end: '192.0.2.53' }) });
    const next = async () => {
      await world.makePod('mover', { networks: 'shrinking', identity: 'mover' });
      const [ip = ''] = (await linkOf('mover'))?.ips ?? [];
      await world.schedule('mover', 'node-a');
      await world.endPod('mover');
      return ip.replace('/24', '');
    };
    const first = await next();
    // Outside of start and end, but still of the subnet: it stays.
    await shrink({ start: '192.0.2.200', end: '192.0.2.203' });
    expect(await next()).toBe(first);
    // A printer has it, say.
    await shrink({ start: '192.0.2.50', end: '192.0.2.53', exclude: [first] });
    const second = await next();
    expect(second).toMatch(/^192\.0\.2\.5[0-3]$/);
    expect(second).not.toBe(first);
    // And so has the router: nobody is left waiting for an address that he cannot have.
    await shrink({ start: '192.0.2.50', end: '192.0.2.53', exclude: [first], gateway: second });
    const third = await next();
    expect([first, second]).not.toContain(third);
    const claimed = async () =>
      (await world.claims()).filter(({ spec }) => spec.attachment === 'shrinking' && spec.address.startsWith('192.'));
    await until('its claims are those', async () => {
      const found = (await claimed()).map(({ spec }) => spec.address);
      return found.length === 1 && found[0] === third;
    });
  }, 60_000);

  test('gives the same address to the next pod of the identity', async () => {
    await world.makePod('two-again', { networks: 'dual', identity: 'steady' });
    const first = await linkOf('two-again');
    await world.schedule('two-again', 'node-a');
    await world.endPod('two-again');
    await world.makePod('two-again', { networks: 'dual', identity: 'steady' });
    expect(await linkOf('two-again')).toEqual(first);
  });
});

describe('a chosen address', () => {
  const pins = (mac: string, ip = '') => ({
    ...(mac === '' ? {} : { 'macvlan.dev/mac': mac }),
    ...(ip === '' ? {} : { 'macvlan.dev/ip': ip }),
  });

  test('asks for an identity by itself, and is used where the attachment allows it, in our spelling', async () => {
    const made = await world.makePod('pinned', {
      networks: 'open',
      identity: '',
      annotations: pins('02-4D-00-00-00-07', '192.0.2.50'),
    });
    expect(made.spec.schedulingGates).toEqual([{ name: 'macvlan.dev/identity' }]);
    expect(await linkOf('pinned')).toEqual({ name: 'open', mac: '02:4d:00:00:00:07', ips: ['192.0.2.50/24'] });
  });

  test('may stand in the networks annotation itself', async () => {
    const networks = '[{"name":"fixed","mac":"02:4D:00:00:00:08","ips":["198.51.100.8/24"]}]';
    await world.makePod('inline', { networks });
    expect((await world.bound('inline')).metadata.annotations?.['k8s.v1.cni.cncf.io/networks']).toBe(
      networks.replace('4D', '4d'),
    );
  });

  test('may stand in an identity that a user made', async () => {
    await identityOf('chosen', [{ attachment: 'fixed', mac: '02:4d:00:00:00:09', ips: ['198.51.100.9/24'] }]);
    await world.makePod('by-identity', { networks: 'fixed', identity: 'chosen' });
    expect(await linkOf('by-identity')).toEqual({ name: 'fixed', mac: '02:4d:00:00:00:09', ips: ['198.51.100.9/24'] });
  });

  test.each([
    [
      'where the attachment does not allow it',
      'lan',
      pins('02:4d:00:00:01:01'),
      'PinDenied',
      'does not let pods choose',
    ],
    ['that is a multicast address', 'open', pins('01:00:5e:00:00:01'), 'PinInvalid', 'is a multicast address'],
    ['of zeros', 'open', pins('00:00:00:00:00:00'), 'PinInvalid', 'zeros'],
    ['that is the broadcast address', 'open', pins('ff:ff:ff:ff:ff:ff'), 'PinInvalid', 'is the broadcast address'],
    ["that is a NIC's own", 'open', pins('02:aa:00:00:00:01'), 'PinInvalid', 'belongs to a NIC of a node'],
    [
      'that another identity has',
      'open',
      pins('02:4d:00:00:00:07'),
      'PinTaken',
      'belongs to MacvlanIdentity home/pod-pinned',
    ],
    [
      'that another identity has as IP',
      'open',
      pins('', '192.0.2.50'),
      'PinTaken',
      'belongs to MacvlanIdentity home/pod-pinned',
    ],
    ['outside the pool', 'open', pins('', '198.51.100.1'), 'PinInvalid', 'is in none of the subnets'],
    ["that is the gateway's", 'open', pins('', '192.0.2.1'), 'PinInvalid', "gateway's address"],
    ['without prefix length', 'fixed', pins('', '198.51.100.20'), 'PinInvalid', 'needs the prefix length'],
    ['of a DHCP attachment', 'lan', pins('', '192.0.2.9'), 'PinInvalid', 'DHCP server'],
    ['for no link of the pod', 'open', pins('lan=02:4d:00:00:01:02'), 'PinInvalid', 'does not say for which link'],
    [
      'for two links of the pod',
      'open,open',
      pins('open=02:4d:00:00:01:03,open#1=02:4d:00:00:01:03'),
      'PinInvalid',
      'two links',
    ],
    ['that is missing', 'fixed', {}, 'AddressMissing', 'bring their own addresses'],
  ])('%s is refused, at the pod and at its identity', async (what, ...[networks, annotations, reason, says]) => {
    const name = `refused-${what.replaceAll(/[^a-zA-Z]/g, '').toLowerCase()}`;
    await world.makePod(name, { networks, annotations });
    expect(await world.told(name, reason)).toContain(says);
    if (what === 'for no link of the pod') return; // nothing has been made by then
    const identity = await until('the identity says so', () => world.identity(`pod-${name}`));
    await until(
      'its condition',
      async () => (await world.identity(`pod-${name}`))?.status?.conditions?.[0]?.reason === reason,
    );
    expect(identity?.spec.attachments).toBeUndefined();
  });

  test('of a tenant who edits an identity is refused where the attachment does not allow it', async () => {
    await identityOf('edited', [{ attachment: 'lan', mac: '02:4d:00:00:09:09' }]);
    await world.makePod('by-edit', { identity: 'edited' });
    expect(await world.told('by-edit', 'PinDenied')).toContain('02:4d:00:00:09:09 was chosen for attachment lan');
  });
});

describe('a cluster that is built anew', () => {
  test('gives the same addresses again: from the seed alone, and from identities and claims that were restored', async () => {
    await world.makePod('same-0', { networks: 'dual', owner: { kind: 'StatefulSet', name: 'same' } });
    const before = await linkOf('same-0');
    await world.schedule('same-0', 'node-a');
    await world.endPod('same-0');
    const key = { namespace: HOME, name: 'statefulset-same-0' };
    await world.client.delete(IDENTITY, key);
    const own = async () => (await world.claims()).filter(({ spec }) => spec.identity.name === key.name);
    await until('nothing is left of it', async () => (await own()).length === 0);
    await world.makePod('same-0', { networks: 'dual', owner: { kind: 'StatefulSet', name: 'same' } });
    expect(await linkOf('same-0')).toEqual(before);
  });

  test('takes an imported address that its claim came with, whatever the seed is', async () => {
    const imported = { attachment: 'lan', index: 0, mac: '02:4d:77:00:00:01' };
    const identity = { namespace: HOME, name: 'imported' };
    await world.client.create(CLAIM, {
      metadata: { name: 'mac-02-4d-77-00-00-01' },
      spec: { address: imported.mac, attachment: 'lan', identity },
    });
    await identityOf('imported', [imported]);
    await world.makePod('import', { identity: 'imported' });
    expect((await linkOf('import'))?.mac).toBe(imported.mac);
  });
});
