// Stable identities on a real cluster: pods are deleted and come back on the other node with the MAC and the address they had.
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { type Cluster, startCluster } from '../cluster/cluster.ts';
import { until } from '../support/until.ts';
import { chartArguments, kubectlOutput } from './chart.ts';
import { loadStoryImages } from './images.ts';
import { type AttachedLink, linksOf, podManifest } from './pods.ts';
import { type WorkloadOptions, workloadManifest } from './workloads.ts';

const LONG_MS = 6 * 60_000;
const PATIENCE_MS = 60_000;
/** Until a node that was cut off is there again with everything. */
const RETURN_MS = 180_000;

let cluster: Cluster;

beforeAll(async () => {
  cluster = await startCluster({ instance: `ident-${process.pid}`, life: 'Owner' });
  const image = await loadStoryImages(cluster);
  expect(await cluster.helm(['install', ...chartArguments(image), '--wait'])).toMatchObject({ code: 0 });
  await kubectl(['create', 'namespace', 'home']);
  for (const example of ['dhcp', 'pool']) await kubectl(['apply', '-f', `examples/${example}.yaml`]);
  for (const name of ['lan-dhcp', 'lan-pool'])
    await kubectl(['wait', `mva/${name}`, '--for=condition=Ready', '--timeout=60s']);
}, LONG_MS);

afterAll(async () => {
  await cluster?.down();
}, LONG_MS);

const kubectl = (args: readonly string[], object?: object) => kubectlOutput(cluster, args, object);
const inHome = (...args: string[]) => kubectl(['-n', 'home', ...args]);

interface RunningPod {
  readonly name: string;
  readonly uid: string;
  readonly node: string;
  readonly link: AttachedLink;
}

interface PodJson {
  readonly metadata: { readonly name: string; readonly uid: string; readonly deletionTimestamp?: string };
  readonly spec: { readonly nodeName?: string };
  readonly status: { readonly phase: string };
}

/** The workload's pod, once it runs with its link; not the one with that uid. */
async function runningPod(app: string, before = '', withinMs = PATIENCE_MS): Promise<RunningPod> {
  const found = await until(
    `a pod of ${app} runs`,
    async () => {
      const pods = JSON.parse(await inHome('get', 'pods', '-l', `app=${app}`, '-o', 'json'))
        .items as readonly PodJson[];
      const pod = pods.find(({ metadata, status }) => status.phase === 'Running' && metadata.uid !== before);
      const [link] = pod === undefined ? [] : linksOf(JSON.stringify(pod));
      if (pod === undefined || link === undefined || pod.metadata.deletionTimestamp !== undefined) return undefined;
      return { name: pod.metadata.name, uid: pod.metadata.uid, node: pod.spec.nodeName ?? '', link };
    },
    withinMs,
  );
  if (found === undefined) throw new Error('unreachable');
  return found;
}

/** New pods go to this node. */
async function onlyOn(node: string): Promise<void> {
  for (const { name } of cluster.nodes) await kubectl([name === node ? 'uncordon' : 'cordon', name]);
}

async function leasesOf(mac: string): Promise<readonly string[]> {
  return (await cluster.lan.leases()).stdout.split('\n').filter((line) => line.includes(mac));
}

const identityOf = async (name: string) => JSON.parse(await inHome('get', 'mvi', name, '-o', 'json'));
const answers = async (address: string) => (await cluster.client.exec(['ping', '-c1', '-W1', address])).code === 0;

const workloads: readonly (readonly [string, string, WorkloadOptions])[] = [
  ['a StatefulSet', 'statefulset-db-0', { name: 'db', namespace: 'home', kind: 'StatefulSet', networks: 'lan-dhcp' }],
  [
    'a Deployment',
    'deployment-homeassistant-0',
    { name: 'homeassistant', namespace: 'home', kind: 'Deployment', networks: 'lan-dhcp' },
  ],
];

describe('with addresses from the DHCP server of the LAN', () => {
  test.each(workloads)(
    'the pod of %s has the same MAC and the same address on whichever node, three times, and one lease',
    async (_what, identity, workload) => {
      await onlyOn('node-a');
      await kubectl(['apply', '-f', '-'], workloadManifest(workload));
      const first = await runningPod(workload.name);
      const [address = ''] = first.link.ips;
      expect(address).toMatch(/^192\.0\.2\.2\d\d$/);
      let before = first;
      for (const node of ['node-b', 'node-a', 'node-b']) {
        await onlyOn(node);
        await inHome('delete', 'pod', before.name, '--wait=false');
        const next = await runningPod(workload.name, before.uid);
        expect(next.node).toBe(node);
        expect(next.link).toMatchObject({ mac: first.link.mac, ips: [address] });
        await until('the LAN reaches it', () => answers(address));
        before = next;
      }
      expect(await leasesOf(first.link.mac)).toHaveLength(1);
      const { spec, status } = await identityOf(identity);
      expect(spec.attachments).toEqual([{ attachment: 'lan-dhcp', index: 0, mac: first.link.mac }]);
      await until('its node is noted', async () => (await identityOf(identity)).status.holder.node === 'node-b');
      expect(status).toMatchObject({ phase: 'Bound', holder: { pod: before.name, uid: before.uid } });
    },
    LONG_MS,
  );
});

describe('with addresses from a pool', () => {
  test(
    'a pod with an identity gets one and is reached at it; a pod without one is not attached',
    async () => {
      for (const { name } of cluster.nodes) await kubectl(['uncordon', name]);
      const workload = { name: 'pooled', namespace: 'home', kind: 'Deployment', networks: 'lan-pool' } as const;
      await kubectl(['apply', '-f', '-'], workloadManifest(workload));
      const plain = podManifest({ name: 'plain', namespace: 'home', node: 'node-a', networks: 'lan-pool' });
      await kubectl(['apply', '-f', '-'], plain);
      const { link } = await runningPod('pooled');
      const { spec } = await identityOf('deployment-pooled-0');
      expect(spec.attachments[0]).toMatchObject({ mac: link.mac, ips: [`${link.ips[0]}/24`] });
      await until('the LAN reaches it', () => answers(link.ips[0] ?? ''));
      await until('the pod without one is told what to write', async () => {
        const reasons = await inHome(
          'get',
          'events',
          '--field-selector',
          'involvedObject.name=plain',
          '-o',
          'jsonpath={..reason}',
        );
        return reasons.includes('IdentityMissing') && reasons.includes('FailedCreatePodSandBox');
      });
      expect(await inHome('get', 'pod', 'plain', '-o', 'jsonpath={.status.phase}')).toBe('Pending');
      await inHome('delete', 'pod', 'plain', '--wait=false');
    },
    LONG_MS,
  );
});

describe('a pod that was deleted by force', () => {
  const waitsFor = (uid: string) =>
    until(
      'the next one waits for it',
      async () => {
        const { conditions = [] } = (await identityOf('statefulset-db-0')).status;
        const waiting = conditions.find((condition: { type: string }) => condition.type === 'Waiting');
        return waiting?.status === 'True' && waiting.message.includes(`held by pod db-0 (uid ${uid})`);
      },
      PATIENCE_MS,
    );
  /** The pod of db, on the node that can be cut off: in kind the other one has the API server. */
  const onLastNode = async (): Promise<RunningPod> => {
    const last = cluster.nodes.at(-1)?.name ?? '';
    const pod = await runningPod('db', '', RETURN_MS);
    if (pod.node === last) return pod;
    await onlyOn(last);
    await inHome('delete', 'pod', pod.name, '--wait=false');
    return runningPod('db', pod.uid);
  };
  const otherNode = (node: string) => cluster.nodes.find(({ name }) => name !== node)?.name ?? '';

  test(
    'hands its identity on by itself when its node sees nothing of it any more',
    async () => {
      const { name, uid, node, link } = await runningPod('db');
      await inHome('delete', 'pod', name, '--force', '--grace-period=0');
      expect((await runningPod('db', uid)).link).toMatchObject({ mac: link.mac, ips: link.ips });
      const ended = await kubectl(['get', 'mvn', node, '-o', 'jsonpath={.status.ended[*].uid}']);
      expect(ended).toContain(uid);
    },
    LONG_MS,
  );

  test(
    'keeps it while its node is cut off, for it runs on; and hands it on when the node is back',
    async () => {
      const { name, uid, node, link } = await onLastNode();
      const [address = ''] = link.ips;
      await onlyOn(otherNode(node));
      await cluster.node(node).setManagement('down');
      try {
        await inHome('delete', 'pod', name, '--force', '--grace-period=0');
        await waitsFor(uid);
        await until('the LAN still reaches it', () => answers(address));
        expect((await identityOf('statefulset-db-0')).status.holder.uid).toBe(uid);
      } finally {
        await cluster.node(node).setManagement('up');
      }
      // Connections of the node that were cut are noticed to be dead before new ones are made.
      const next = await runningPod('db', uid, RETURN_MS);
      expect(next.link).toMatchObject({ mac: link.mac, ips: [address] });
    },
    LONG_MS,
  );

  test(
    'hands it on when a person says that it does not run any more',
    async () => {
      const { name, uid, node, link } = await onLastNode();
      await onlyOn(otherNode(node));
      await cluster.node(node).setManagement('down');
      try {
        await inHome('delete', 'pod', name, '--force', '--grace-period=0');
        await waitsFor(uid);
        await cluster.node(node).unplug(); // now it is true
        await inHome('annotate', 'mvi', 'statefulset-db-0', `macvlan.dev/release=${uid}`);
        expect((await runningPod('db', uid)).link).toMatchObject({ mac: link.mac, ips: link.ips });
      } finally {
        await cluster.node(node).plug();
        await cluster.node(node).setManagement('up');
      }
    },
    LONG_MS,
  );
});
