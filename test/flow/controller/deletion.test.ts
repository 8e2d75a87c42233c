// The end of an attachment: refused while pods are attached, then NADs, then nodes, then the attachment itself.
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from '@jest/globals';
import { NODE } from '../../../src/api/kube.ts';
import { ATTACHMENT, type MacvlanAttachment } from '../../../src/api/v1alpha1/attachment.ts';
import { NODE_STATE } from '../../../src/api/v1alpha1/node-state.ts';
import { attachment, nodeEntry, nodePod } from '../../support/builders.ts';
import { useControlPlane } from '../../support/control-plane.ts';
import { until } from '../../support/until.ts';
import {
  installKinds,
  makeNamespace,
  makeNode,
  openWorld,
  readAttachment,
  readNad,
  setReady,
  untilReason,
  type World,
  writeNodeState,
} from './world.ts';

let world: World;
afterAll(() => world.stopAll(), 30_000); // registered first, so that it ends before the API server does
const plane = useControlPlane();

beforeAll(async () => {
  world = openWorld(plane());
  await installKinds(plane(), 'WithMultus');
  await makeNamespace(world.client, 'home');
  world.start();
}, 60_000);

// One node with the attachment in place and a pod on it.
beforeEach(async () => {
  await makeNode(world.client, 'node-a');
  await world.client.create(ATTACHMENT, attachment({ metadata: { name: 'lan' } }));
  await writeNodeState(world.client, 'node-a', { attachments: [nodeEntry()], pods: [nodePod('web')] });
  await untilReason(world.client, 'lan', 'Ready', 'Working');
});

afterEach(async () => {
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

test('attached pods hold it up, it says which, and it goes on when they are gone', async () => {
  await world.client.delete(ATTACHMENT, { name: 'lan' });
  const object = await untilReason(world.client, 'lan', 'Ready', 'PodsAttached');
  expect(object.status?.phase).toBe('Draining');
  expect(object.status?.conditions?.find((c) => c.type === 'Ready')?.message).toContain('home/web');
  expect(await readNad(world.client, 'home', 'lan')).toBeDefined();
  await writeNodeState(world.client, 'node-a', { attachments: [nodeEntry()], pods: [] });
  await untilPhase('Cleaning');
  expect(await readNad(world.client, 'home', 'lan')).toBeUndefined();
  await writeNodeState(world.client, 'node-a', { attachments: [] });
  await untilGone();
});

test('the force annotation goes past attached pods, but not past the clean-up', async () => {
  await world.client.delete(ATTACHMENT, { name: 'lan' });
  await untilPhase('Draining');
  await world.client.mergePatch(
    ATTACHMENT,
    { name: 'lan' },
    { metadata: { annotations: { 'macvlan.dev/force': 'true' } } },
  );
  const object = await untilPhase('Cleaning');
  expect(object?.status?.problems).toEqual([expect.objectContaining({ reason: 'NodeNotClean', node: 'node-a' })]);
  expect(await readNad(world.client, 'home', 'lan')).toBeUndefined();
  await writeNodeState(world.client, 'node-a', { attachments: [] });
  await untilGone();
});

test('a node that is gone does not hold it up', async () => {
  await world.client.delete(ATTACHMENT, { name: 'lan' });
  await untilPhase('Draining');
  await world.client.delete(NODE, { name: 'node-a' });
  await untilGone();
  expect(await readNad(world.client, 'home', 'lan')).toBeUndefined();
});

test('a node that has not been ready for ten minutes does not hold it up', async () => {
  await world.client.delete(ATTACHMENT, { name: 'lan' });
  await untilPhase('Draining');
  await setReady(world.client, 'node-a', 'Unknown', new Date(Date.now() - 9 * 60_000));
  await expect(untilPhase('Draining')).resolves.toBeDefined();
  await setReady(world.client, 'node-a', 'Unknown', new Date(Date.now() - 11 * 60_000));
  await untilGone();
});

test('one without pods and without any report goes at once', async () => {
  await writeNodeState(world.client, 'node-a', { attachments: [] });
  await world.client.delete(ATTACHMENT, { name: 'lan' });
  await untilGone();
  expect(await readNad(world.client, 'home', 'lan')).toBeUndefined();
});
