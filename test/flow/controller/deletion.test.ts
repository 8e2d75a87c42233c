// The end of an attachment: refused while pods are attached, then NADs, then nodes, then the attachment itself.
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { NODE, POD } from '../../../src/api/kube.ts';
import { ANNOTATION_NETWORK_STATUS } from '../../../src/api/multus.ts';
import { ATTACHMENT, type MacvlanAttachment } from '../../../src/api/v1alpha1/attachment.ts';
import { NODE_STATE, type NodePod } from '../../../src/api/v1alpha1/node-state.ts';
import { attachment, nodeEntry, nodePod } from '../../support/builders.ts';
import { useControlPlane } from '../../support/control-plane.ts';
import { until } from '../../support/until.ts';
import {
  installKinds,
  kubectl,
  makeNamespace,
  makeNode,
  openWorld,
  type RunningController,
  readAttachment,
  readNad,
  setReady,
  untilQuiet,
  untilReason,
  type World,
  writeNodeState,
} from './world.ts';

let world: World;
afterAll(() => world.stopAll(), 30_000); // registered first, so that it ends before the API server does
const plane = useControlPlane();
let controller: RunningController;

beforeAll(async () => {
  world = openWorld(plane());
  await installKinds(plane(), 'WithMultus');
  await makeNamespace(world.client, 'home');
  controller = world.start();
}, 60_000);

/** A pod as Multus leaves it: on a node, with a link on `lan` unless told otherwise. Gives its uid. */
async function runPod(name: string, { node = 'node-a', networks = ['home/lan'] } = {}): Promise<string> {
  const status = networks.map((network) => ({ name: network, interface: 'net1', mac: '02:00:00:00:00:07' }));
  const annotations = { [ANNOTATION_NETWORK_STATUS]: JSON.stringify(status) };
  const spec = { nodeName: node, automountServiceAccountToken: false, containers: [{ name: 'main', image: 'none' }] };
  const made = await world.client.create(POD, { metadata: { namespace: 'home', name, annotations }, spec });
  return made.metadata.uid ?? '';
}

/** No kubelet confirms that a pod has ended: gone at once. */
const endPods = () => kubectl(plane(), ['-n', 'home', 'delete', 'pod', '--all', '--grace-period=0', '--force']);

const say = (...pods: readonly NodePod[]) =>
  writeNodeState(world.client, 'node-a', { attachments: [nodeEntry()], pods });
const saysClean = () => writeNodeState(world.client, 'node-a', { attachments: [] });
const deleteLan = () => world.client.delete(ATTACHMENT, { name: 'lan' });

// One node with the attachment in place and a pod on it.
beforeEach(async () => {
  await makeNode(world.client, 'node-a');
  await world.client.create(ATTACHMENT, attachment({ metadata: { name: 'lan' } }));
  await say(nodePod('web', { uid: await runPod('web') }));
  await untilReason(world.client, 'lan', 'Ready', 'Working');
});

afterEach(async () => {
  await endPods();
  await world.client.delete(NODE_STATE, { name: 'node-a' });
  await world.client.delete(NODE, { name: 'node-a' });
  await untilGone();
  await until('no state', async () => (await world.client.get(NODE_STATE, { name: 'node-a' })) === undefined);
});

const untilGone = () =>
  until('the attachment is gone', async () => (await readAttachment(world.client, 'lan')) === undefined);
const untilPhase = (phase: string): Promise<MacvlanAttachment | undefined> =>
  until(`phase ${phase}`, async () => {
    const object = await readAttachment(world.client, 'lan');
    return object?.status?.phase === phase ? object : undefined;
  });

describe('attached pods', () => {
  test('hold it up, it says which, and it goes on when they are gone', async () => {
    await deleteLan();
    const object = await untilReason(world.client, 'lan', 'Ready', 'PodsAttached');
    expect(object.status?.phase).toBe('Draining');
    expect(object.status?.conditions?.find((c) => c.type === 'Ready')?.message).toContain('home/web');
    expect(await readNad(world.client, 'home', 'lan')).toBeDefined();
    await endPods();
    await say();
    await untilPhase('Cleaning');
    expect(await readNad(world.client, 'home', 'lan')).toBeUndefined();
    await saysClean();
    await untilGone();
  });

  test('do not hold it up under the force annotation, which does not go past the clean-up', async () => {
    await deleteLan();
    await untilPhase('Draining');
    const force = { metadata: { annotations: { 'macvlan.dev/force': 'true' } } };
    await world.client.mergePatch(ATTACHMENT, { name: 'lan' }, force);
    const object = await untilPhase('Cleaning');
    expect(object?.status?.problems).toEqual([expect.objectContaining({ reason: 'NodeNotClean', node: 'node-a' })]);
    expect(await readNad(world.client, 'home', 'lan')).toBeUndefined();
    await saysClean();
    await untilGone();
  });

  test('hold it up also when their agent keeps quiet about them', async () => {
    await say();
    await deleteLan();
    const object = await untilReason(world.client, 'lan', 'Ready', 'PodsAttached');
    expect(object.status?.pods?.attached).toBe(1);
    await saysClean(); // a lie
    expect((await untilReason(world.client, 'lan', 'Ready', 'PodsAttached')).status?.phase).toBe('Draining');
    expect(await readNad(world.client, 'home', 'lan')).toBeDefined();
  });

  test('that have ended do not hold it up, although their objects are still there', async () => {
    const status = { status: { phase: 'Succeeded' } };
    await world.client.mergePatch(POD, { namespace: 'home', name: 'web' }, status, { subresource: 'status' });
    await deleteLan();
    await untilPhase('Cleaning');
  });
});

describe('pods that an agent invents', () => {
  test.each<[string, () => Promise<NodePod>]>([
    ['that do not exist', async () => nodePod('ghost')],
    ['under the uid of a predecessor', async () => ({ ...nodePod('one', await onNothing('one')), uid: 'old' })],
    ['that run on another node', async () => nodePod('two', { uid: await runPod('two', { node: 'node-z' }) })],
    ['that run here and are not attached', async () => nodePod('three', await onNothing('three'))],
  ])('hold nothing up: %s', async (_what, invent) => {
    await endPods();
    await say(await invent());
    await deleteLan();
    await untilPhase('Cleaning');
    await saysClean();
    await untilGone();
  });

  const onNothing = async (name: string) => ({ uid: await runPod(name, { networks: [] }) });

  test('do not hide the ones that are attached, however many they are', async () => {
    const lies = Array.from({ length: 100 }, (_, index) => nodePod(`a-${index}`));
    await say(...lies);
    await deleteLan();
    const object = await untilReason(world.client, 'lan', 'Ready', 'PodsAttached');
    expect(object.status?.problems?.[0]?.message).toBe('Deletion waits for attached pods: home/web.');
  });
});

describe('a node', () => {
  test('that is gone does not hold it up', async () => {
    await deleteLan();
    await untilPhase('Draining');
    await world.client.delete(NODE, { name: 'node-a' });
    await untilGone();
    expect(await readNad(world.client, 'home', 'lan')).toBeUndefined();
  });

  test('that has not been ready for ten minutes does not hold it up', async () => {
    await deleteLan();
    await untilPhase('Draining');
    const before = controller.writes.length;
    await setReady(world.client, 'node-a', 'Unknown', new Date(Date.now() - 9 * 60_000));
    await untilQuiet(controller, 1000);
    expect((await readAttachment(world.client, 'lan'))?.status?.phase).toBe('Draining');
    expect(controller.writes.slice(before).filter((write) => write.startsWith('DELETE'))).toEqual([]);
    await setReady(world.client, 'node-a', 'Unknown', new Date(Date.now() - 11 * 60_000));
    await untilGone();
  });

  test('that comes back after that keeps its agent until it is clean', async () => {
    await deleteLan();
    await setReady(world.client, 'node-a', 'Unknown', new Date(Date.now() - 11 * 60_000));
    await untilGone();
    await setReady(world.client, 'node-a', 'True');
    const labelOf = async () => (await world.client.get(NODE, { name: 'node-a' }))?.metadata.labels;
    expect(await labelOf()).toMatchObject({ 'macvlan.dev/agent': 'true' });
    await saysClean();
    await until('the label is off', async () => (await labelOf())?.['macvlan.dev/agent'] === undefined);
  });
});

test('one without pods and without any report goes at once', async () => {
  await endPods();
  await saysClean();
  await deleteLan();
  await untilGone();
  expect(await readNad(world.client, 'home', 'lan')).toBeUndefined();
});
