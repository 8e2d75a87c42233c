// Networks that are not ours, or not yet: what a pod that is held may choose there, and when it is let go.
import { beforeAll, describe, expect, test } from '@jest/globals';
import { NETWORK_ATTACHMENT_DEFINITION } from '../../../src/api/multus.ts';
import { ATTACHMENT } from '../../../src/api/v1alpha1/attachment.ts';
import { until } from '../../support/until.ts';
import { useIdentityWorld } from './use-world.ts';
import { HOME, type IdentityWorld, MAC, networksOf, POOL } from './world.ts';

let world: IdentityWorld;
const opened = useIdentityWorld();

const gated = {
  labels: { 'macvlan.dev/gated': 'true' },
  spec: { schedulingGates: [{ name: 'macvlan.dev/identity' }] },
};
const config = JSON.stringify({ cniVersion: '1.0.0', name: 'admins', type: 'bridge' });

beforeAll(async () => {
  world = opened();
  await world.start();
  await world.attach('lan', POOL);
  await world.client.create(NETWORK_ATTACHMENT_DEFINITION, {
    metadata: { name: 'admins', namespace: HOME },
    spec: { config },
  });
  await world.makePod('victim', { identity: 'victim' });
}, 600_000);

describe('an address of an identity, on a network of somebody else', () => {
  test.each([
    ['as ips', (_mac: string, ip: string) => ({ ips: [ip] })],
    ['as ips among others', (_mac: string, ip: string) => ({ ips: [`198.51.100.7/24, ${ip}`] })],
    ['as mac in cni-args', (mac: string) => ({ 'cni-args': { mac } })],
    ['as ips in cni-args', (_mac: string, ip: string) => ({ 'cni-args': { ips: [ip] } })],
  ])('is not had by a pod that is held and chooses it %s', async (how, choice) => {
    const [link] = networksOf(await world.bound('victim'));
    const foreign = { name: 'admins', ...choice(link?.mac ?? '', link?.ips?.[0] ?? '') };
    const name = how.replaceAll(/\W+/g, '-');
    await world.makePod(`with-${name}`, { networks: JSON.stringify([foreign, { name: 'lan' }]) });
    await world.makePod(`alone-${name}`, { networks: JSON.stringify([foreign]), identity: '', ...gated });
    for (const pod of [`with-${name}`, `alone-${name}`]) {
      expect(await world.told(pod, 'PinTaken')).toContain('belongs to MacvlanIdentity home/victim');
      expect((await world.pod(pod))?.spec.schedulingGates).toHaveLength(1);
    }
  });

  test('leaves others to choose what nobody has', async () => {
    const networks = '[{"name":"admins","ips":["198.51.100.7/24"]},{"name":"lan"}]';
    await world.makePod('fine', { networks });
    expect(networksOf(await world.bound('fine'))[0]).toEqual({ name: 'admins', ips: ['198.51.100.7/24'] });
  });
});

describe('a pod that is held by the label of its namespace', () => {
  test('is let go when its networks are all somebody else’s', async () => {
    await world.makePod('foreign', { networks: 'admins', identity: '', ...gated });
    await until('it is let go', async () => (await world.pod('foreign'))?.spec.schedulingGates === undefined);
  });

  test('waits for an attachment that is made a moment later, and is bound to it', async () => {
    await world.makePod('early', { networks: 'admins,later', identity: '', ...gated });
    expect(await world.told('early', 'NetworkMissing')).toContain('NetworkAttachmentDefinition later is not there yet');
    await world.attach('later');
    expect(networksOf(await world.bound('early'))[1]).toEqual({ name: 'later', mac: expect.stringMatching(MAC) });
  });
});

describe('a pod with a link of ours', () => {
  test.each(['auto', ''])(
    'waits for a network that is not there, and has all its addresses when it comes: %p',
    async (identity) => {
      const asks = identity === '' ? gated : {};
      const absent = identity === '' ? 'absent-b' : 'absent-a';
      await world.makePod(`with-${absent}`, { networks: `lan,${absent}`, identity, ...asks });
      expect(await world.told(`with-${absent}`, 'NetworkMissing')).toContain(`${absent} is not there yet`);
      expect((await world.pod(`with-${absent}`))?.spec.schedulingGates).toHaveLength(1);
      await world.attach(absent);
      const mac = expect.stringMatching(MAC);
      expect(networksOf(await world.bound(`with-${absent}`))).toMatchObject([
        { name: 'lan', mac },
        { name: absent, mac },
      ]);
    },
  );

  test('waits for an attachment that was deleted, and is bound to the one that is made anew', async () => {
    await world.attach('fleeting');
    await world.client.delete(ATTACHMENT, { name: 'fleeting' });
    const nad = { namespace: HOME, name: 'fleeting' };
    await until('its NAD is gone', async () => !(await world.client.get(NETWORK_ATTACHMENT_DEFINITION, nad)));
    await world.makePod('abandoned', { networks: 'lan,fleeting' });
    expect(await world.told('abandoned', 'NetworkMissing')).toContain('fleeting is not there yet');
    await until('the attachment is gone', async () => !(await world.client.get(ATTACHMENT, { name: 'fleeting' })));
    await world.attach('fleeting');
    expect(networksOf(await world.bound('abandoned'))[1]?.mac).toMatch(MAC);
  });
});
