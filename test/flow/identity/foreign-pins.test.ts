// With `guards.rawPins: Refuse`, no pod chooses an address on a network of somebody else, also not one that is held: the policy leaves
// that one to the controller, which knows whose the networks are.
import { beforeAll, describe, expect, test } from '@jest/globals';
import { NETWORK_ATTACHMENT_DEFINITION } from '../../../src/api/multus.ts';
import { until } from '../../support/until.ts';
import { useIdentityWorld } from './use-world.ts';
import { HOME, type IdentityWorld, networksOf } from './world.ts';

let world: IdentityWorld;
const opened = useIdentityWorld('guards.rawPins=Refuse');

const gated = {
  identity: '',
  labels: { 'macvlan.dev/gated': 'true' },
  spec: { schedulingGates: [{ name: 'macvlan.dev/identity' }] },
};
/** Addresses that nobody has claimed: a printer's, say, or the router's. */
const CHOICES: readonly (readonly [string, object])[] = [
  ['an IP address', { ips: ['192.0.2.1/24'] }],
  ['a MAC address', { mac: '02:00:00:00:00:99' }],
  ['cni-args', { 'cni-args': { ips: ['192.0.2.1/24'] } }],
];
const SAYS = 'chooses an address for admins, a network of somebody else';

beforeAll(async () => {
  world = opened();
  await world.start();
  await world.attach('lan');
  await world.attach('open', { pins: 'Allow' });
  const spec = { config: JSON.stringify({ cniVersion: '1.0.0', name: 'admins', type: 'macvlan' }) };
  await world.client.create(NETWORK_ATTACHMENT_DEFINITION, { metadata: { name: 'admins', namespace: HOME }, spec });
}, 600_000);

describe('a pod that is held', () => {
  test.each(CHOICES)('waits when it chooses %s on a network of somebody else', async (what, choice) => {
    const foreign = { name: 'admins', ...choice };
    const name = what.toLowerCase().replaceAll(/\W+/g, '-');
    await world.makePod(`with-${name}`, { networks: JSON.stringify([{ name: 'lan' }, foreign]) });
    await world.makePod(`alone-${name}`, { networks: JSON.stringify([foreign]), ...gated });
    for (const pod of [`with-${name}`, `alone-${name}`]) {
      expect(await world.told(pod, 'PinDenied')).toContain(SAYS);
      expect((await world.pod(pod))?.spec.schedulingGates).toHaveLength(1);
    }
    expect(await world.claims()).toEqual([]);
  });

  test('chooses on an attachment that allows it, beside a network of somebody else', async () => {
    const networks = '[{"name":"open","mac":"02:4d:00:00:00:07"},{"name":"admins","interface":"net5"}]';
    await world.makePod('fine', { networks });
    expect(networksOf(await world.bound('fine'))).toEqual(JSON.parse(networks));
  });

  test('goes on as soon as its namespace is exempt', async () => {
    const networks = '[{"name":"lan"},{"name":"admins","ips":["192.0.2.1/24"]}]';
    await world.makePod('trusted', { networks });
    expect(await world.told('trusted', 'PinDenied')).toContain(SAYS);
    await world.kubectl('label', 'namespace', HOME, 'macvlan.dev/guards=exempt');
    expect(networksOf(await world.bound('trusted'))[1]).toEqual({ name: 'admins', ips: ['192.0.2.1/24'] });
    await until('the one without a link of ours is let go', async () => {
      const pod = await world.pod('alone-an-ip-address');
      return pod?.spec.schedulingGates === undefined;
    });
  });
});
