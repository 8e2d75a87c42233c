// Pods without their link, at a real API server: told on the pod, evicted within disruption budgets; and what the agents may do for it.
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type { Kind, KubeObject } from '../../../src/api/kube.ts';
import { ATTACHMENT, type MacFilterProbe, type Repair } from '../../../src/api/v1alpha1/attachment.ts';
import { DAEMON_SET } from '../../../src/domain/attachment/node-daemonset.ts';
import { attachment, nodeEntry, nodePod } from '../../support/builders.ts';
import { useControlPlane } from '../../support/control-plane.ts';
import { until } from '../../support/until.ts';
import { isEvicted, makeReplica } from './replica.ts';
import {
  installKinds,
  kubectl,
  makeNamespace,
  makeNode,
  OPERATOR_NAMESPACE,
  openWorld,
  untilReason,
  type World,
  writeNodeState,
} from './world.ts';

interface Budget extends KubeObject {
  readonly spec: object;
}

const BUDGET: Kind<Budget> = {
  apiVersion: 'policy/v1',
  kind: 'PodDisruptionBudget',
  plural: 'poddisruptionbudgets',
  namespaced: true,
};
const WEB = { namespace: 'home', name: 'web' };

let world: World;
afterAll(() => world.stopAll(), 30_000); // registered first, so that it ends before the API server does
const plane = useControlPlane();

beforeAll(async () => {
  world = openWorld(plane());
  await installKinds(plane(), 'WithMultus');
  await makeNamespace(world.client, 'home');
  await kubectl(plane(), ['-n', 'home', 'create', 'serviceaccount', 'default']); // pods need one, and nobody makes it here
  await makeNode(world.client, 'node-a');
  await world.client.create(ATTACHMENT, attachment({ metadata: { name: 'lan' } }));
  world.start();
}, 60_000);

const repair = (type: Repair['type']) =>
  world.client.mergePatch(ATTACHMENT, { name: 'lan' }, { spec: { repair: { type } } });
const reasons = () => kubectl(plane(), ['-n', 'home', 'get', 'events', '-o', 'jsonpath={.items[*].reason}']);
const says = (uid: string) =>
  writeNodeState(world.client, 'node-a', {
    attachments: [nodeEntry()],
    pods: [nodePod('web', { uid, state: 'Ghost' })],
  });
test('an attachment that says nothing of repair only reports', async () => {
  const object = await world.client.get(ATTACHMENT, { name: 'lan' });
  expect(object?.spec.repair).toEqual({ type: 'Report' });
});

test('a ghost is counted, told in a condition, and told on the pod', async () => {
  const uid = await makeReplica(world.client, 'web', 'node-a');
  await says(uid);
  const object = await untilReason(world.client, 'lan', 'PodsConnected', 'PodGhost');
  expect(object.status).toMatchObject({ pods: { attached: 1, ghost: 1, stale: 0 } });
  await until('an event', async () => (await reasons()).includes('PodGhost'));
  expect(await isEvicted(world.client, 'web')).toBe(false);
});

test('with Recreate it is evicted, but not while a disruption budget stands against it', async () => {
  const spec = { minAvailable: 1, selector: { matchLabels: { app: 'web' } } };
  await world.client.create<Budget>(BUDGET, { metadata: WEB, spec });
  await repair('Recreate');
  await until('an event says so', async () => (await reasons()).includes('EvictionRefused'));
  expect(await isEvicted(world.client, 'web')).toBe(false);
  await world.client.delete(BUDGET, WEB);
  await until('it is evicted', () => isEvicted(world.client, 'web'), 15_000);
  await until('an event says so', async () => (await reasons()).includes('PodEvicted'));
}, 30_000);

const rightsOfAgents = async () =>
  /"add":(\[[^\]]*\])/.exec(
    JSON.stringify(await world.client.get(DAEMON_SET, { namespace: OPERATOR_NAMESPACE, name: 'macvlan-agent' })),
  )?.[1];

test('agents may enter pods only while an attachment wants links made again in place', async () => {
  expect(await rightsOfAgents()).toBe('["NET_ADMIN"]');
  await repair('InPlace');
  await until('they may', async () => (await rightsOfAgents()) === '["NET_ADMIN","SYS_ADMIN"]');
  await repair('Report');
  await until('they may not', async () => (await rightsOfAgents()) === '["NET_ADMIN"]');
});

test('agents may make packet sockets only while an attachment asks for the MAC-filter probe', async () => {
  const probe = (type: MacFilterProbe['type']) =>
    world.client.mergePatch(ATTACHMENT, { name: 'lan' }, { spec: { macFilterProbe: { type } } });
  expect(await rightsOfAgents()).toBe('["NET_ADMIN"]');
  await probe('Gateway');
  await until('they may', async () => (await rightsOfAgents()) === '["NET_ADMIN","NET_RAW"]');
  await probe('None');
  await until('they may not', async () => (await rightsOfAgents()) === '["NET_ADMIN"]');
});
