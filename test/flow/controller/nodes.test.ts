// Nodes get an agent while an attachment takes them or something is left on them; their reports become the status.
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { type Kind, NODE } from '../../../src/api/kube.ts';
import { MANAGER_CONTROLLER } from '../../../src/api/names.ts';
import { ATTACHMENT } from '../../../src/api/v1alpha1/attachment.ts';
import { DAEMON_SET, type DaemonSet } from '../../../src/domain/attachment/node-daemonset.ts';
import { attachment, nodeEntry, nodePod } from '../../support/builders.ts';
import { useControlPlane } from '../../support/control-plane.ts';
import { until } from '../../support/until.ts';
import {
  installKinds,
  makeNamespace,
  makeNode,
  OPERATOR_NAMESPACE,
  openWorld,
  type RunningController,
  readAttachment,
  readNodeState,
  untilQuiet,
  untilReason,
  type World,
  writeNodeState,
} from './world.ts';

let world: World;
afterAll(() => world.stopAll(), 30_000); // registered first, so that it ends before the API server does
const plane = useControlPlane();
let controller: RunningController;
const agents = { namespace: OPERATOR_NAMESPACE, name: 'macvlan-agent' };

beforeAll(async () => {
  world = openWorld(plane());
  await installKinds(plane(), 'WithMultus');
  await makeNamespace(world.client, 'home');
  await makeNode(world.client, 'node-a', { lan: 'yes' });
  await makeNode(world.client, 'node-b', { lan: 'yes' });
  await makeNode(world.client, 'node-c');
  controller = world.start();
}, 60_000);

const SERVICE_ACCOUNT: Kind = { apiVersion: 'v1', kind: 'ServiceAccount', plural: 'serviceaccounts', namespaced: true };

/** As far as a test changes it. */
interface OlderSpec {
  readonly template: {
    readonly spec: { readonly containers: { readonly env: object[] }[]; readonly volumes: object[] };
  };
}

const labelOf = async (name: string) =>
  (await world.client.get(NODE, { name }))?.metadata.labels?.['macvlan.dev/agent'];
const untilLabelled = (name: string) => until(`${name} is labelled`, async () => (await labelOf(name)) === 'true');
const untilUnlabelled = (name: string) =>
  until(`${name} has no label`, async () => (await labelOf(name)) === undefined);
const readyLabelOf = async (name: string) =>
  (await world.client.get(NODE, { name }))?.metadata.labels?.['attachment.macvlan.dev/lan'];
const daemonSet = () => world.client.get(DAEMON_SET, agents);

describe('without an attachment', () => {
  test('no node is labelled and there is no DaemonSet', async () => {
    await until('it leads', () => controller.app.leads());
    await untilQuiet(controller);
    expect(await labelOf('node-a')).toBeUndefined();
    expect(await daemonSet()).toBeUndefined();
  });
});

describe('with an attachment that takes two of three nodes', () => {
  test('these two are labelled, and the DaemonSet is there', async () => {
    const spec = { nodeSelector: { matchLabels: { lan: 'yes' } }, hostAccess: { type: 'Routed' } } as const;
    await world.client.create(ATTACHMENT, attachment({ spec, metadata: { name: 'lan' } }));
    await untilLabelled('node-a');
    await untilLabelled('node-b');
    expect(await labelOf('node-c')).toBeUndefined();
    const found = await until('the DaemonSet', daemonSet);
    expect(found).toMatchObject({ spec: { template: { spec: { hostNetwork: true } } } });
    const silent = await untilReason(world.client, 'lan', 'ParentsReady', 'AgentSilent');
    expect(silent.status).toMatchObject({ summary: '0/2', nodes: { matched: 2, ready: 0, degraded: 0 } });
  });

  test('the DaemonSet is put right when somebody edits it, and what others added stays', async () => {
    const image = { spec: { template: { spec: { containers: [{ name: 'agent', image: 'other:1' }] } } } };
    await world.client.apply(DAEMON_SET, { metadata: agents, ...image }, { manager: 'somebody', force: true });
    await world.client.mergePatch(DAEMON_SET, agents, { metadata: { annotations: { note: 'mine' } } });
    const imageOf = (object: DaemonSet | undefined) => JSON.stringify(object?.spec).includes('"image":"operator:1"');
    await until('the image is ours again', async () => imageOf(await daemonSet()));
    expect((await daemonSet())?.metadata.annotations?.['note']).toBe('mine');
    await untilQuiet(controller);
  });

  test('what an older version asked of the DaemonSet, and this one does not, is taken off', async () => {
    const found = await until('the DaemonSet', daemonSet);
    const older = JSON.parse(JSON.stringify(found?.spec)) as OlderSpec;
    const { spec } = older.template;
    spec.containers[0]?.env.push({ name: 'OLDER', value: 'yes' });
    spec.volumes.push({ name: 'older', emptyDir: {} });
    Object.assign(spec, { shareProcessNamespace: true });
    const annotations = { 'macvlan.dev/template': 'older' };
    const object = { metadata: { ...agents, labels: found?.metadata.labels, annotations }, spec: older };
    await world.client.apply(DAEMON_SET, object, { manager: MANAGER_CONTROLLER, force: true });
    await until('nothing of it is left', async () => {
      const text = JSON.stringify((await daemonSet())?.spec);
      return !/OLDER|older|shareProcessNamespace/.test(text);
    });
    await untilQuiet(controller);
  });

  test('the DaemonSet was made by the kind of write that can take things off again', async () => {
    await world.client.delete(DAEMON_SET, agents);
    const found = await until('a new one', daemonSet);
    const managedFields = [expect.objectContaining({ manager: MANAGER_CONTROLLER, operation: 'Apply' })];
    expect(found?.metadata).toMatchObject({ managedFields });
  });

  test('a DaemonSet that goes with its account is made again for the account that is there now', async () => {
    for (const _ of ['first', 'second']) {
      const account = await world.client.create(SERVICE_ACCOUNT, { metadata: agents });
      await world.client.delete(DAEMON_SET, agents); // the garbage collector would
      const found = await until('a new one', daemonSet);
      const { uid } = account.metadata;
      expect(found?.metadata.ownerReferences).toEqual([expect.objectContaining({ kind: 'ServiceAccount', uid })]);
      await world.client.delete(SERVICE_ACCOUNT, agents);
    }
  });

  test('the reports of the nodes become counts, conditions and problems', async () => {
    const problem = {
      reason: 'ParentMissing',
      message: 'No NIC is named enp3s0; seen: eth0.',
      remedy: 'Correct spec.parents.',
    };
    await writeNodeState(world.client, 'node-a', {
      attachments: [nodeEntry({ hostAccess: 'Ready' })],
      pods: [nodePod('web')],
    });
    await writeNodeState(world.client, 'node-b', {
      attachments: [nodeEntry({ phase: 'Failed', problems: [problem] })],
    });
    const object = await untilReason(world.client, 'lan', 'ParentsReady', 'ParentMissing');
    expect(object.status).toMatchObject({
      nodes: { matched: 2, ready: 1, degraded: 1 },
      pods: { attached: 1 },
      summary: '1/2',
      problems: [{ ...problem, node: 'node-b' }],
    });
    const entries = [nodeEntry({ hostAccess: 'Ready' })];
    await writeNodeState(world.client, 'node-b', { attachments: entries });
    const ready = await untilReason(world.client, 'lan', 'Ready', 'Working');
    expect(ready.status?.conditions?.map((c) => [c.type, c.status])).toEqual([
      ['Accepted', 'True'],
      ['Rendered', 'True'],
      ['ParentsReady', 'True'],
      ['HostAccessReady', 'True'],
      ['DhcpReady', 'True'],
      ['PodsConnected', 'True'],
      ['Ready', 'True'],
      ['NoWarnings', 'True'],
    ]);
  });

  test('a node where the attachment is ready says so in a label, written once, and no longer when it is not', async () => {
    await until('both nodes', async () => (await readyLabelOf('node-a')) === 'ready' && (await readyLabelOf('node-b')));
    await untilQuiet(controller);
    const writes = controller.writes.length;
    await writeNodeState(world.client, 'node-b', { attachments: [nodeEntry({ phase: 'Pending' })] });
    await until('the label is off', async () => (await readyLabelOf('node-b')) === undefined);
    await untilQuiet(controller);
    const toNodes = controller.writes.slice(writes).filter((write) => write.includes('/nodes/'));
    expect(toNodes).toEqual(['PATCH /api/v1/nodes/node-b']);
    await writeNodeState(world.client, 'node-b', { attachments: [nodeEntry({ hostAccess: 'Ready' })] });
    await until('the label is back', async () => (await readyLabelOf('node-b')) === 'ready');
  });

  test('a node that no longer matches keeps its agent until its state says that it is clean', async () => {
    await world.client.mergePatch(NODE, { name: 'node-b' }, { metadata: { labels: { lan: null } } });
    await until('it is not called ready', async () => (await readyLabelOf('node-b')) === undefined);
    await until('one node matches', async () => (await readAttachment(world.client, 'lan'))?.status?.summary === '1/1');
    await untilQuiet(controller);
    expect(await labelOf('node-b')).toBe('true');
    await writeNodeState(world.client, 'node-b', { attachments: [] });
    await untilUnlabelled('node-b');
    await until('its state is gone', async () => (await readNodeState(world.client, 'node-b')) === undefined);
    expect(await daemonSet()).toBeDefined();
  });

  test('a label that somebody took off comes back', async () => {
    await world.client.mergePatch(NODE, { name: 'node-a' }, { metadata: { labels: { 'macvlan.dev/agent': null } } });
    await untilLabelled('node-a');
  });

  test('the state of a node that was deleted goes with it', async () => {
    await makeNode(world.client, 'node-d', { lan: 'yes' });
    await untilLabelled('node-d');
    await writeNodeState(world.client, 'node-d', { attachments: [nodeEntry()] });
    await world.client.delete(NODE, { name: 'node-d' });
    await until('its state is gone', async () => (await readNodeState(world.client, 'node-d')) === undefined);
  });
});

describe('when the last attachment goes', () => {
  test('labels, states and the DaemonSet go too, once the nodes are clean', async () => {
    await writeNodeState(world.client, 'node-a', { attachments: [nodeEntry()], pods: [] });
    await until('no pod', async () => (await readAttachment(world.client, 'lan'))?.status?.pods?.attached === 0);
    await world.client.delete(ATTACHMENT, { name: 'lan' });
    await until(
      'phase Cleaning',
      async () => (await readAttachment(world.client, 'lan'))?.status?.phase === 'Cleaning',
    );
    expect(await labelOf('node-a')).toBe('true');
    await until('it is not called ready', async () => (await readyLabelOf('node-a')) === undefined);
    await writeNodeState(world.client, 'node-a', { attachments: [] });
    await until('the attachment is gone', async () => (await readAttachment(world.client, 'lan')) === undefined);
    await untilUnlabelled('node-a');
    await until('no DaemonSet', async () => (await daemonSet()) === undefined);
    await until('no state', async () => (await readNodeState(world.client, 'node-a')) === undefined);
  });
});
