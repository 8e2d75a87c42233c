// One identity, one pod: another one gets it only when the pod before is proved to be gone.
import { beforeAll, describe, expect, test } from '@jest/globals';
import { DEPLOYMENT, NODE, REPLICA_SET } from '../../../src/api/kube.ts';
import { IDENTITY } from '../../../src/api/v1alpha1/identity.ts';
import { until } from '../../support/until.ts';
import { writeNodeState } from '../controller/world.ts';
import { useIdentityWorld } from './use-world.ts';
import { HOME, type IdentityWorld, networksOf, type RunningController } from './world.ts';

let world: IdentityWorld;
const opened = useIdentityWorld();
let controller: RunningController;

beforeAll(async () => {
  world = opened();
  controller = await world.start();
  await world.attach('lan');
}, 600_000);

const stateful = (name: string) => ({ owner: { kind: 'StatefulSet', name } });
const holderOf = async (name: string) => (await world.identity(name))?.status?.holder;
const macOf = async (pod: string) => networksOf(await world.bound(pod))[0]?.mac;

/** A pod of a StatefulSet that runs on a node and holds its identity; gives its uid and MAC. */
async function running(name: string, node = 'node-a') {
  await world.makePod(name, stateful(name.slice(0, -2)));
  const { metadata } = await world.bound(name);
  await world.schedule(name, node);
  await until('its node is noted', async () => (await holderOf(`statefulset-${name}`))?.node === node);
  return { uid: metadata.uid ?? '', mac: await macOf(name) };
}

/** The next pod of that name waits: asserted by what it is told. */
async function nextWaits(name: string): Promise<string> {
  await world.makePod(name, stateful(name.slice(0, -2)));
  return world.told(name, 'HolderAlive');
}

describe('the next pod of a StatefulSet', () => {
  test('has the same MAC when its predecessor has ended, and the identity says when that was', async () => {
    const { uid, mac } = await running('db-0');
    expect(await holderOf('statefulset-db-0')).toEqual({ pod: 'db-0', uid, node: 'node-a' });
    await world.endPod('db-0');
    await world.makePod('db-0', stateful('db'));
    expect(await macOf('db-0')).toBe(mac);
    const identity = await world.identity('statefulset-db-0');
    expect(identity?.status?.lastHeld).toBeDefined();
    expect(identity?.status?.holder?.uid).not.toBe(uid);
  });

  test('waits after a force deletion, says for whom, and goes on when a person releases the pod', async () => {
    const { uid, mac } = await running('force-0');
    await world.forceDelete('force-0');
    const said = await nextWaits('force-0');
    expect(said).toContain(
      `held by pod force-0 (uid ${uid}) on node node-a, which vanished without proof that it ended`,
    );
    const identity = await world.identity('statefulset-force-0');
    expect(identity?.status?.holder?.uid).toBe(uid);
    expect(identity?.status?.conditions?.[0]).toMatchObject({ type: 'Waiting', status: 'True', reason: 'HolderAlive' });

    const [command] = /annotate mvi \S+ \S+/.exec(said) ?? [];
    await world.kubectl('-n', HOME, ...(command ?? '').split(' '));
    expect(await macOf('force-0')).toBe(mac);
    expect((await world.identity('statefulset-force-0'))?.status?.conditions?.[0]).toMatchObject({ status: 'False' });
  });

  test("goes on by the word of its node's agent that nothing of it is left, and of no other node's", async () => {
    const { uid, mac } = await running('seen-0');
    const ended = [{ namespace: HOME, name: 'seen-0', uid }];
    // While it has an object, nothing that is said of it counts.
    await writeNodeState(world.client, 'node-a', { ended });
    await writeNodeState(world.client, 'node-b', { ended });
    await world.makePod('seen-too', { identity: 'statefulset-seen-0' });
    await world.told('seen-too', 'HolderAlive');
    await world.kubectl('-n', HOME, 'delete', 'pod', 'seen-too', '--force', '--grace-period=0');

    await writeNodeState(world.client, 'node-a', {});
    await world.forceDelete('seen-0');
    await nextWaits('seen-0');
    expect((await holderOf('statefulset-seen-0'))?.uid).toBe(uid);
    // Among all others of a full node that ended at once.
    const others = Array.from({ length: 250 }, (_, i) => ({ namespace: HOME, name: `other-${i}`, uid: `uid-of-${i}` }));
    await writeNodeState(world.client, 'node-a', { ended: [...ended, ...others] });
    expect(await macOf('seen-0')).toBe(mac);
  });

  test.each([
    ['its node has booted anew', 'boot-0', (node: string) => world.reboot(node, 'another-boot')],
    ['its node has left the cluster', 'left-0', (node: string) => world.client.delete(NODE, { name: node })],
    [
      'its node is out of service',
      'out-0',
      (node: string) =>
        world.client.mergePatch(
          NODE,
          { name: node },
          {
            spec: { taints: [{ key: 'node.kubernetes.io/out-of-service', value: 'x', effect: 'NoExecute' }] },
          },
        ),
    ],
  ])('goes on after a force deletion when %s', async (_what, name, act) => {
    const node = `node-${name}`;
    await world.makeNode(node);
    const { mac } = await running(name, node);
    await world.forceDelete(name);
    await nextWaits(name);
    await act(node);
    expect(await macOf(name)).toBe(mac);
  });

  test('needs no proof when its predecessor was never sent to a node', async () => {
    await world.makePod('early-0', stateful('early'));
    const mac = await macOf('early-0');
    await world.forceDelete('early-0');
    await world.makePod('early-0', stateful('early'));
    expect(await macOf('early-0')).toBe(mac);
  });

  test('waits as well when nobody was there to see its predecessor go, and only its node can tell', async () => {
    await world.makeNode('node-c');
    const { mac } = await running('unseen-0', 'node-c');
    await controller.stop();
    await world.endPod('unseen-0');
    controller = await world.start();
    await nextWaits('unseen-0');
    await world.reboot('node-c', 'another-boot');
    expect(await macOf('unseen-0')).toBe(mac);
  });
});

describe('a label that was taken off a pod by force of another policy', () => {
  test('is no proof: the pod is asked for by its uid', async () => {
    await running('hidden-0');
    await world.kubectl('delete', 'validatingadmissionpolicybinding', 'macvlan-identity-pod');
    await until('the policy is off', () => world.kubectl('-n', HOME, 'label', 'pod', 'hidden-0', 'macvlan.dev/gated-'));
    const uid = (await holderOf('statefulset-hidden-0'))?.uid;
    await world.kubectl('-n', HOME, 'annotate', 'mvi', 'statefulset-hidden-0', 'touched=yes'); // asks for another look
    await world.makePod('other', { identity: 'statefulset-hidden-0' });
    expect(await world.told('other', 'HolderAlive')).toContain(`held by pod hidden-0 (uid ${uid}) on node node-a.`);
  });
});

describe('a Deployment', () => {
  const template = { labels: { 'pod-template-hash': '5d4f' }, owner: { kind: 'ReplicaSet', name: 'pihole-5d4f' } };

  test('has as many identities as replicas: the pod that comes before another has gone waits and is told what to change', async () => {
    const template2 = { metadata: { labels: { app: 'x' } }, spec: { containers: [{ name: 'c', image: 'none' }] } };
    const spec = { replicas: 1, selector: { matchLabels: { app: 'x' } }, template: template2 };
    await world.client.create(DEPLOYMENT, { metadata: { name: 'pihole', namespace: HOME }, spec });
    await world.makePod('pihole-5d4f-aaaaa', template);
    const mac = await macOf('pihole-5d4f-aaaaa');
    await world.schedule('pihole-5d4f-aaaaa', 'node-a');

    await world.makePod('pihole-5d4f-bbbbb', template);
    const said = await world.told('pihole-5d4f-bbbbb', 'HolderAlive');
    expect(said).toContain('Waits for MacvlanIdentity home/deployment-pihole-0, held by pod pihole-5d4f-aaaaa');
    expect(said).toContain('Set strategy.type: Recreate in the Deployment');
    await world.endPod('pihole-5d4f-aaaaa');
    expect(await macOf('pihole-5d4f-bbbbb')).toBe(mac);
  });
});

describe('the pods of a ReplicaSet that no Deployment made', () => {
  const owned = { owner: { kind: 'ReplicaSet', name: 'bare' } };

  test('hold its slots: the one that replaces another has its identity when that one has ended', async () => {
    const template2 = { metadata: { labels: { app: 'bare' } }, spec: { containers: [{ name: 'c', image: 'none' }] } };
    const spec = { replicas: 2, selector: { matchLabels: { app: 'bare' } }, template: template2 };
    await world.client.create(REPLICA_SET, { metadata: { name: 'bare', namespace: HOME }, spec });
    for (const name of ['bare-aaaaa', 'bare-bbbbb']) {
      await world.makePod(name, owned);
      await world.bound(name);
      await world.schedule(name, 'node-a');
    }
    const bound = async (pod: string) => (await world.bound(pod)).metadata.annotations?.['macvlan.dev/bound'];
    expect([await bound('bare-aaaaa'), await bound('bare-bbbbb')]).toEqual(['replicaset-bare-0', 'replicaset-bare-1']);
    const mac = await macOf('bare-bbbbb');
    await world.makePod('bare-ccccc', owned);
    expect(await world.told('bare-ccccc', 'HolderAlive')).toContain('It goes on when that pod has ended.');
    await world.endPod('bare-bbbbb');
    expect(await macOf('bare-ccccc')).toBe(mac);
  });
});

describe('a name', () => {
  test('is held by one pod at a time: the passive one follows when the active one has ended', async () => {
    await world.makePod('active', { identity: 'vip' });
    const mac = await macOf('active');
    await world.schedule('active', 'node-a');
    await world.makePod('passive', { identity: 'vip' });
    expect(await world.told('passive', 'HolderAlive')).toContain('It goes on when that pod has ended.');
    await world.phase('active', 'Succeeded');
    expect(await macOf('passive')).toBe(mac);
  });
});

describe('an identity that nobody holds', () => {
  test('stays by default, and is deleted with its claims when it says so', async () => {
    const key = { namespace: HOME, name: 'statefulset-gone-0' };
    await running('gone-0');
    await world.client.mergePatch(IDENTITY, key, { spec: { reclaim: { type: 'Delete', after: '1s' } } });
    await world.endPod('gone-0');
    await until('it is deleted', async () => (await world.client.get(IDENTITY, key)) === undefined);
    const claimed = async () => (await world.claims()).filter(({ spec }) => spec.identity.name === key.name);
    await until('and its claims', async () => (await claimed()).length === 0);
    expect(await world.identity('statefulset-db-0')).toBeDefined();
  });
});

describe('what somebody deletes by mistake', () => {
  test('comes back while a pod has it: an identity, and a claim', async () => {
    const { uid, mac } = await running('kept-0');
    await world.client.delete(IDENTITY, { namespace: HOME, name: 'statefulset-kept-0' });
    const again = await until('it is back', async () => {
      const found = await world.identity('statefulset-kept-0');
      return found?.status?.holder?.uid === uid ? found : undefined;
    });
    expect(again?.spec.attachments).toEqual([{ attachment: 'lan', index: 0, mac }]);

    const name = `mac-${mac?.replaceAll(':', '-')}`;
    await world.kubectl('delete', 'mvc', name);
    await until('the claim is back', async () => (await world.claims()).some((claim) => claim.metadata.name === name));
  });
});
