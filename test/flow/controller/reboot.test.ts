// A node that was booted, and whose agent has not come back: what was said of the node before is not taken for what is there now.
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { NODE, type Node } from '../../../src/api/kube.ts';
import { ATTACHMENT } from '../../../src/api/v1alpha1/attachment.ts';
import type { NodePod } from '../../../src/api/v1alpha1/node-state.ts';
import { attachment, nodeEntry, nodePod } from '../../support/builders.ts';
import { useControlPlane } from '../../support/control-plane.ts';
import { until } from '../../support/until.ts';
import { isEvicted, makeReplica } from './replica.ts';
import {
  installKinds,
  kubectl,
  makeNamespace,
  makeNode,
  openWorld,
  readAttachment,
  type World,
  writeNodeState,
} from './world.ts';

let world: World;
afterAll(() => world.stopAll(), 30_000); // registered first, so that it ends before the API server does
const plane = useControlPlane();

/** What the node's kubelet writes once it is up. */
const boot = async (name: string, bootID: string) => {
  const rest = ['machineID', 'systemUUID', 'kernelVersion', 'osImage', 'containerRuntimeVersion', 'kubeletVersion'];
  const nodeInfo = { ...Object.fromEntries([...rest, 'kubeProxyVersion'].map((key) => [key, ''])), bootID };
  const system = { operatingSystem: 'linux', architecture: 'amd64' };
  await world.client.mergePatch(
    NODE,
    { name },
    { status: { nodeInfo: { ...nodeInfo, ...system } } },
    {
      subresource: 'status',
    },
  );
};
/** What its agent writes; the kernel's own boot id tells nothing where the node is a container. */
const says = (node: string, nodeBootId: string, ...pods: readonly NodePod[]) =>
  writeNodeState(world.client, node, {
    agent: { version: '1', bootId: 'kernel', nodeBootId },
    attachments: [nodeEntry()],
    pods,
  });
const status = async () => (await readAttachment(world.client, 'lan'))?.status;
const label = async (name: string) =>
  (await world.client.get<Node>(NODE, { name }))?.metadata.labels?.['attachment.macvlan.dev/lan'];

async function makePod(name: string, nodeName: string): Promise<NodePod> {
  return nodePod(name, { uid: await makeReplica(world.client, name, nodeName) });
}

beforeAll(async () => {
  world = openWorld(plane());
  await installKinds(plane(), 'WithMultus');
  await makeNamespace(world.client, 'home');
  await kubectl(plane(), ['-n', 'home', 'create', 'serviceaccount', 'default']); // pods need one, and nobody makes it here
  for (const name of ['node-a', 'node-b']) {
    await makeNode(world.client, name);
    await boot(name, 'first');
  }
  await world.client.create(ATTACHMENT, attachment({ spec: { repair: { type: 'Recreate' } } }));
  world.start();
}, 60_000);

test('a node is not ready after a reboot until its agent has said so again', async () => {
  const pod = await makePod('web', 'node-a');
  await says('node-a', 'first', pod);
  await says('node-b', 'first');
  await until('both are ready', async () => (await status())?.nodes?.ready === 2);
  await until('the label is on', async () => (await label('node-a')) === 'ready');
  expect((await status())?.pods?.attached).toBe(1);

  await boot('node-a', 'second');
  await until('the label is off', async () => (await label('node-a')) === undefined);
  const silent = await until('its silence is told', async () => {
    const now = await status();
    return now?.nodes?.ready === 1 ? now : undefined;
  });
  expect(silent?.problems).toMatchObject([
    { reason: 'AgentSilent', message: 'The agent of node node-a has not reported since the node was booted.' },
  ]);
  expect(silent?.pods?.attached).toBe(0);
  expect(await label('node-b')).toBe('ready');

  await says('node-a', 'second', pod);
  await until('it is ready again', async () => (await status())?.nodes?.ready === 2);
  await until('the label is on again', async () => (await label('node-a')) === 'ready');
  await until('so is its pod', async () => (await status())?.pods?.attached === 1);
});

test('a pod is not evicted for a link that was missing before its node was booted', async () => {
  const isGoing = (name: string) => isEvicted(world.client, name);
  const [stale, other] = [await makePod('stale', 'node-a'), await makePod('other', 'node-b')];
  await says('node-a', 'first', { ...stale, state: 'Ghost' });
  await says('node-b', 'first', { ...other, state: 'Ghost' });
  await until('the one on the other node is evicted', () => isGoing('other'));
  expect(await isGoing('stale')).toBe(false);
  await says('node-a', 'second', { ...stale, state: 'Ghost' });
  await until('so is this one, when it is said of this boot', () => isGoing('stale'));
});
