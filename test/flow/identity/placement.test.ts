// Where pods with an identity may go, on attachments that say `placement: Require`: narrowed, told, and let go.
import { beforeAll, describe, expect, test } from '@jest/globals';
import { NODE, type Pod } from '../../../src/api/kube.ts';
import type { ProblemStatus } from '../../../src/api/v1alpha1/attachment-status.ts';
import { until } from '../../support/until.ts';
import { setReady, writeNodeState } from '../controller/world.ts';
import { useIdentityWorld } from './use-world.ts';
import type { IdentityWorld } from './world.ts';

const LONG_MS = 60_000;
const READY = { 'attachment.macvlan.dev/lan': 'ready' };

let world: IdentityWorld;
const opened = useIdentityWorld();

beforeAll(async () => {
  world = opened();
  for (const name of ['node-a', 'node-b']) await setReady(world.client, name, 'True');
  await world.start();
  for (const name of ['lan', 'cams']) await world.attach(name, { placement: { type: 'Require' } });
  await world.attach('free');
}, 600_000);

/** What the node's agent says: these attachments are ready, the other ones of the test have no NIC. */
async function agentSays(node: string, ready: readonly string[]): Promise<void> {
  const missing: ProblemStatus = {
    reason: 'ParentMissing',
    message: `No NIC of ${node} matches.`,
    remedy: 'Plug it in.',
  };
  await writeNodeState(world.client, node, {
    attachments: ['lan', 'cams'].map((name) =>
      ready.includes(name) ? { name, phase: 'Ready' } : { name, phase: 'Failed', problems: [missing] },
    ),
  });
}

const selectorOf = (pod: Pod) => pod.spec.nodeSelector;
const waitingFor = async (identity: string) =>
  (await world.identity(identity))?.status?.conditions?.find(
    ({ type, status }) => type === 'Waiting' && status === 'True',
  );

describe('a pod on an attachment that requires it', () => {
  test('is told which parents are missing while no node is ready, and bound as soon as one is', async () => {
    await agentSays('node-a', []);
    await agentSays('node-b', ['cams']);
    await world.makePod('early');
    const says =
      /lan on node-a: ParentMissing, No NIC of node-a matches. lan on node-b: ParentMissing, No NIC of node-b/;
    const condition = await until('the identity says why', async () => {
      const found = await waitingFor('pod-early');
      return says.test(found?.message ?? '') ? found : undefined;
    });
    expect(condition?.reason).toBe('NoNodeReady');
    expect(await world.told('early', 'NoNodeReady')).toContain('No node that the pod may go to is ready for it');
    expect((await world.claims()).filter(({ spec }) => spec.identity.name === 'pod-early')).toEqual([]);

    await agentSays('node-a', ['lan']);
    const pod = await world.bound('early', LONG_MS);
    expect(selectorOf(pod)).toEqual(READY);
    await until('nobody waits', async () => (await waitingFor('pod-early')) === undefined);
  });

  test('keeps what it selects itself, and other gates', async () => {
    const affinity = {
      nodeAffinity: {
        requiredDuringSchedulingIgnoredDuringExecution: {
          nodeSelectorTerms: [{ matchExpressions: [{ key: 'disk', operator: 'In', values: ['ssd'] }] }],
        },
      },
    };
    await world.client.mergePatch(NODE, { name: 'node-a' }, { metadata: { labels: { disk: 'ssd', floor: '1' } } });
    const spec = { nodeSelector: { floor: '1' }, affinity, schedulingGates: [{ name: 'a.example/other' }] };
    await world.makePod('choosy', { spec });
    const pod = await world.bound('choosy');
    expect(pod.spec).toMatchObject({
      nodeSelector: { floor: '1', ...READY },
      affinity,
      schedulingGates: [{ name: 'a.example/other' }],
    });
  });

  test('goes where all of its attachments are ready, and waits while they are not on one node', async () => {
    await world.makePod('both', { networks: 'lan,cams,free' });
    expect(await world.told('both', 'NoNodeReady')).toContain('cams on node-a: ParentMissing');
    await agentSays('node-b', ['lan', 'cams']);
    expect(selectorOf(await world.bound('both', LONG_MS))).toEqual({
      ...READY,
      'attachment.macvlan.dev/cams': 'ready',
    });
  });

  test('is told of a contradiction, once', async () => {
    await world.makePod('against', { spec: { nodeSelector: { 'attachment.macvlan.dev/lan': 'never' } } });
    expect(await world.told('against', 'PlacementContradicts')).toContain(
      'The pod selects nodes with attachment.macvlan.dev/lan: never.',
    );
    const version = async () => (await world.identity('pod-against'))?.metadata.resourceVersion;
    await until(
      'the identity says it',
      async () => (await waitingFor('pod-against'))?.reason === 'PlacementContradicts',
    );
    const before = await version();
    await agentSays('node-a', ['lan', 'cams']);
    await until('the node has its label', async () => {
      const node = await world.client.get(NODE, { name: 'node-a' });
      return node?.metadata.labels?.['attachment.macvlan.dev/cams'] === 'ready';
    });
    expect(await version()).toBe(before);
  });

  test('is bound without delay where the attachment changes its mind', async () => {
    await agentSays('node-a', []);
    await agentSays('node-b', []);
    await until('no node is ready', async () => {
      const { items } = await world.client.list(NODE, { labelSelector: 'attachment.macvlan.dev/lan' });
      return items.length === 0;
    });
    await world.makePod('patient');
    await world.told('patient', 'NoNodeReady');
    await world.kubectl('patch', 'mva', 'lan', '--type=merge', '-p', '{"spec":{"placement":{"type":"Ignore"}}}');
    expect(selectorOf(await world.bound('patient'))).toBeUndefined();
  });
});

test('a pod on another attachment goes anywhere', async () => {
  await world.makePod('anywhere', { networks: 'free', spec: { nodeSelector: { disk: 'tape' } } });
  expect(selectorOf(await world.bound('anywhere'))).toEqual({ disk: 'tape' });
});
