// A NIC is replaced under running pods, on a real cluster: they are told to be ghosts, repaired in place, or made anew.
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { MacvlanNodeState } from '../../src/api/v1alpha1/node-state.ts';
import { type Cluster, startCluster } from '../cluster/cluster.ts';
import type { Place } from '../cluster/provider.ts';
import { until } from '../support/until.ts';
import { chartArguments, kubectlOutput } from './chart.ts';
import { loadStoryImages } from './images.ts';
import { TOOLBOX_IMAGE } from './pods.ts';
import { Stage } from './stage.ts';
import { onLan } from './story/reach.ts';
import { OPERATOR_NAMESPACE, startPods, type World } from './world.ts';

const LONG_MS = 4 * 60_000;
const PATIENCE_MS = 60_000;
const POD = { name: 'pihole', namespace: 'home', node: 'node-a', networks: onLan('101') };
const ADDRESS = '192.0.2.101';
const OWNED_ADDRESS = '192.0.2.102';

let cluster: Cluster;

beforeAll(async () => {
  cluster = await startCluster({ instance: `repair-${process.pid}`, life: 'Owner' });
  const image = await loadStoryImages(cluster);
  const world: World = {
    ...{ cluster, image, before: [], sniffer: undefined, shimMacs: new Set() },
    stage: new Stage(() => {}),
  };
  for (const namespace of ['home', 'media', OPERATOR_NAMESPACE]) await kubectl('create', 'namespace', namespace);
  const chart = chartArguments(image, 'controller.replicas=1');
  expect(await cluster.helm(['install', ...chart, '--wait'])).toMatchObject({ code: 0 });
  await kubectl('apply', '-f', 'examples/lan.yaml');
  await kubectl('wait', 'mva/lan', '--for=condition=Ready', '--timeout=60s');
  await startPods(world, [POD]);
  await until('the pod is on the LAN', () => pings(cluster.client, ADDRESS), PATIENCE_MS);
}, LONG_MS);

afterAll(async () => {
  await cluster?.down();
}, LONG_MS);

const kubectl = (...args: string[]) => kubectlOutput(cluster, args);

const jsonPath = (path: string, ...what: string[]) => kubectl('get', ...what, '-o', `jsonpath=${path}`);
const repair = (type: string) =>
  kubectl('patch', 'mva', 'lan', '--type=merge', '-p', JSON.stringify({ spec: { repair: { type } } }));

async function pings(place: Place, address: string): Promise<boolean> {
  return (await place.exec(['ping', '-c1', '-W1', address])).code === 0;
}

/** States of the pods' links by name, as the nodes tell them. */
async function states(): Promise<Readonly<Record<string, string>>> {
  const list = JSON.parse(await kubectl('get', 'mvn', '-o', 'json')) as { readonly items: readonly MacvlanNodeState[] };
  return Object.fromEntries(
    list.items.flatMap(({ status }) => (status?.pods ?? []).map((pod) => [pod.name, pod.state])),
  );
}

async function becomes(name: string, state: string): Promise<void> {
  const isIt = async () => (await states())[name] === state;
  await until(`${name} is ${state}`, isIt, PATIENCE_MS).catch(async (error: unknown) => {
    throw new Error(JSON.stringify(await states()), { cause: error });
  });
}

const reasonsAt = (pod: string) =>
  jsonPath('{.items[*].reason}', '-n', 'home', 'events', `--field-selector=involvedObject.name=${pod}`);

/** What would tell that the pod was started again. */
const lifeOf = (pod: string) =>
  jsonPath('{.metadata.uid} {.status.containerStatuses[*].containerID}', '-n', 'home', 'pod', pod);

async function capabilities(): Promise<string> {
  const where = ['-n', OPERATOR_NAMESPACE, 'daemonset', 'macvlan-agent'];
  return jsonPath('{.spec.template.spec.containers[0].securityContext.capabilities.add}', ...where);
}

describe('a running pod whose NIC is replaced', () => {
  let life: string;

  test(
    'is told as a ghost within a second or two: in the status, in a condition, and on the pod',
    async () => {
      life = await lifeOf('pihole');
      const unplugged = performance.now();
      await cluster.node('node-a').unplug();
      await becomes('pihole', 'Ghost');
      console.log(`ghost in the node's state after ${(performance.now() - unplugged).toFixed(0)} ms`);
      const condition = '{.status.pods} {.status.conditions[?(@.type=="PodsConnected")].message}';
      const said = () => jsonPath(condition, 'mva', 'lan');
      await until('the attachment says so', async () => (await said()).includes('"ghost":1'), PATIENCE_MS);
      expect(await said()).toMatch(/On node-a the link vanished from home\/pihole\. Delete the pods/);
      await until('an event tells it', async () => (await reasonsAt('pihole')).includes('PodGhost'), PATIENCE_MS);
      await cluster.node('node-a').plug();
      await until('the NIC is verified', async () => (await jsonPath('{.status.summary}', 'mva', 'lan')) === '2/2');
      expect((await states())['pihole']).toBe('Ghost');
      expect(await capabilities()).toBe('["NET_ADMIN"]');
    },
    LONG_MS,
  );

  test(
    'has its link again in place, without being started again, once the attachment asks for it',
    async () => {
      await repair('InPlace');
      await becomes('pihole', 'Repaired');
      expect(await capabilities()).toBe('["NET_ADMIN","SYS_ADMIN"]');
      expect(await lifeOf('pihole')).toBe(life);
      for (const place of [cluster.client, cluster.node('node-a')]) {
        await until('the pod answers', () => pings(place, ADDRESS), PATIENCE_MS);
      }
      await until('an event tells it', async () => (await reasonsAt('pihole')).includes('PodRepaired'), PATIENCE_MS);
      const connected = '{.status.pods} {.status.conditions[?(@.type=="PodsConnected")].status}';
      const said = () => jsonPath(connected, 'mva', 'lan');
      await until('all is well', async () => (await said()) === '{"attached":1,"ghost":0,"stale":0} True', PATIENCE_MS);
    },
    LONG_MS,
  );

  test(
    'has it at once when the NIC goes the next time, and a DEL leaves nothing behind',
    async () => {
      const node = cluster.node('node-a');
      await node.unplug();
      await becomes('pihole', 'Ghost');
      const plugged = performance.now();
      await node.plug();
      await becomes('pihole', 'Repaired');
      await until('the LAN reaches the pod', () => pings(cluster.client, ADDRESS), PATIENCE_MS);
      console.log(`the LAN reaches the pod ${(performance.now() - plugged).toFixed(0)} ms after the NIC is there`);
      await kubectl('-n', 'home', 'delete', 'pod', 'pihole', '--timeout=60s');
      await until('it is gone from the state', async () => (await states())['pihole'] === undefined, PATIENCE_MS);
      expect((await node.exec(['ls', '/var/lib/cni/multus/results'])).stdout).not.toContain('lan-');
    },
    LONG_MS,
  );
});

test(
  'with repair Recreate, a pod that somebody makes again is evicted once the NIC is there; others are told that they are not',
  async () => {
    await repair('Recreate');
    await until('the agents lose the right', async () => (await capabilities()) === '["NET_ADMIN"]', PATIENCE_MS);
    await cluster.kubectl(['apply', '-f', '-'], { input: JSON.stringify(owned()) });
    const pods = () => jsonPath('{.items[*].metadata.name}', '-n', 'home', 'pods', '-l', 'app=owned');
    await until('the pod is on the LAN', () => pings(cluster.client, OWNED_ADDRESS), PATIENCE_MS);
    const old = await pods();
    await becomes(old, 'Attached');
    await cluster.node('node-b').unplug();
    await becomes(old, 'Ghost');
    expect(await pods()).toBe(old); // not before the NIC is there
    await cluster.node('node-b').plug();
    await until('another pod', async () => ![old, ''].includes(await pods()), PATIENCE_MS);
    expect(await reasonsAt(old)).toContain('PodEvicted');
    await until('the new pod is on the LAN', () => pings(cluster.client, OWNED_ADDRESS), PATIENCE_MS);
  },
  LONG_MS,
);

/** A Deployment of one pod on node-b. */
function owned(): object {
  const labels = { app: 'owned' };
  const annotations = { 'k8s.v1.cni.cncf.io/networks': onLan('102') };
  const container = {
    name: 'main',
    image: TOOLBOX_IMAGE,
    imagePullPolicy: 'Never',
    command: ['/toolbox'],
    args: ['serve', '--tcp', '80'],
  };
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: 'owned', namespace: 'home' },
    spec: {
      replicas: 1,
      selector: { matchLabels: labels },
      template: {
        metadata: { labels, annotations },
        spec: {
          nodeSelector: { 'kubernetes.io/hostname': 'node-b' },
          terminationGracePeriodSeconds: 1,
          containers: [container],
        },
      },
    },
  };
}
