// The objects of identities are lost while their pods run: each pod is recorded again, and meanwhile nobody else gets its addresses.
import { beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { ATTACHMENT } from '../../../src/api/v1alpha1/attachment.ts';
import { CLAIM } from '../../../src/api/v1alpha1/claim.ts';
import { IDENTITY } from '../../../src/api/v1alpha1/identity.ts';
import type { FaultProxy } from '../../support/fault-proxy.ts';
import { until } from '../../support/until.ts';
import { useProxiedWorld } from './use-world.ts';
import { HOME, type IdentityWorld, networksOf, type RunningController } from './world.ts';

let world: IdentityWorld;
let proxy: FaultProxy;
let controller: RunningController;
const opened = useProxiedWorld();

/** A pool with as many addresses as pods run. */
const POOL = {
  type: 'Pool',
  pool: { ranges: [{ subnet: '192.0.2.0/24', start: '192.0.2.50', end: '192.0.2.51' }] },
} as const;

beforeAll(async () => {
  ({ world, proxy } = opened());
  controller = await world.start({ url: proxy.url });
  await world.attach('lan', { ipam: POOL });
  for (const name of ['first', 'second']) {
    await world.makePod(name);
    await world.bound(name);
    await world.schedule(name, 'node-a');
    await until('its node is noted', async () => (await holderOf(`pod-${name}`))?.node === 'node-a');
  }
}, 600_000);

beforeEach(async () => {
  await controller.stop();
  proxy.clear();
});

const holderOf = async (name: string) => (await world.identity(name))?.status?.holder;

async function loseIdentities(): Promise<void> {
  for (const { metadata } of (await world.client.list(IDENTITY, { namespace: HOME })).items) {
    await world.client.delete(IDENTITY, metadata);
  }
}

async function loseClaims(): Promise<void> {
  for (const { metadata } of await world.claims()) await world.client.delete(CLAIM, metadata);
}

/** What the pod was bound to is its identity's own again. */
async function expectAdopted(name: string): Promise<void> {
  const pod = await world.pod(name);
  const [link] = pod === undefined ? [] : networksOf(pod);
  await until(`${name} is adopted`, async () => (await holderOf(`pod-${name}`))?.uid === pod?.metadata.uid);
  const identity = await world.identity(`pod-${name}`);
  expect(identity?.spec.attachments).toEqual([{ attachment: 'lan', index: 0, mac: link?.mac, ips: link?.ips }]);
  expect(identity?.status).toMatchObject({ phase: 'Bound', holder: { node: 'node-a' } });
  const addresses = [link?.mac, link?.ips?.[0]?.replace('/24', '')].toSorted();
  await until(`the addresses of ${name} are claimed`, async () => {
    const own = (await world.claims()).filter(({ spec }) => spec.identity.name === `pod-${name}`);
    return (
      own
        .map(({ spec }) => spec.address)
        .toSorted()
        .join() === addresses.join()
    );
  });
}

describe('pods that run are recorded again', () => {
  test('when identities and claims were lost, and a pod that waits for an address does not get theirs meanwhile', async () => {
    await loseIdentities();
    await loseClaims();
    await world.makePod('late');
    // The claims of those who run come late: whoever asks next would be faster.
    const isClaim = ({ method, path }: { readonly method: string; readonly path: string }) =>
      method === 'POST' && path.endsWith('/macvlanclaims');
    proxy.inject(isClaim, { type: 'status', code: 500 }, 12);
    controller = await world.start({ url: proxy.url });
    await expectAdopted('first');
    await expectAdopted('second');
    expect(await world.told('late', 'PoolExhausted')).toContain('All IPv4 addresses of attachment lan are taken.');
    await world.forceDelete('late');
  }, 60_000);

  test('when only the claims were lost', async () => {
    await loseClaims();
    await world.makePod('late-2');
    controller = await world.start({ url: proxy.url });
    await expectAdopted('first');
    await expectAdopted('second');
    await world.told('late-2', 'PoolExhausted');
    await world.forceDelete('late-2');
  }, 60_000);

  test('when identities were restored without their status: nobody else gets one of that name', async () => {
    const pod = await world.pod('first');
    for (const name of ['first', 'second']) {
      const key = { namespace: HOME, name: `pod-${name}` };
      await world.client.mergePatch(IDENTITY, key, { status: { holder: null } }, { subresource: 'status' });
    }
    await world.makePod('rival', { identity: 'pod-first' });
    controller = await world.start({ url: proxy.url });
    await expectAdopted('first');
    await expectAdopted('second');
    const said = await world.told('rival', 'HolderAlive');
    expect(said).toContain(`held by pod first (uid ${pod?.metadata.uid}) on node node-a.`);
    await world.forceDelete('rival');
  }, 60_000);

  test('when the attachment comes back later than the controller', async () => {
    const found = await world.client.get(ATTACHMENT, { name: 'lan' });
    controller = await world.start({ url: proxy.url });
    await world.client.mergePatch(
      ATTACHMENT,
      { name: 'lan' },
      { metadata: { annotations: { 'macvlan.dev/force': 'true' } } },
    );
    await world.client.delete(ATTACHMENT, { name: 'lan' });
    await until(
      'the attachment is gone',
      async () => (await world.client.get(ATTACHMENT, { name: 'lan' })) === undefined,
    );
    await controller.stop();
    await loseIdentities();
    await loseClaims();
    controller = await world.start({ url: proxy.url });
    expect(await holderOf('pod-first')).toBeUndefined();
    await world.attach('lan', { ...found?.spec });
    await expectAdopted('first');
    await expectAdopted('second');
  }, 60_000);
});
