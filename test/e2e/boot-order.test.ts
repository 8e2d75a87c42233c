// Nothing orders the start of a node: pods come before the agent, before the NIC, or before both. Each attaches by itself once the
// right NIC is verified, and not through another one.
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { MacvlanNodeState } from '../../src/api/v1alpha1/node-state.ts';
import { type Cluster, startCluster } from '../cluster/cluster.ts';
import { until } from '../support/until.ts';
import { chartArguments, kubectlOutput } from './chart.ts';
import { loadStoryImages } from './images.ts';
import { type AttachedLink, linksOf, podManifest } from './pods.ts';
import { formatMs } from './stage.ts';

const LONG_MS = 4 * 60_000;
const PATIENCE_MS = 60_000;

/** Of node-b, for the last chapter. */
const NODE_IP6 = 'fd00:9::b';

interface Appliance {
  readonly name: string;
  readonly node: string;
  readonly ip: string;
  readonly ip6?: string;
  readonly mac: string;
}

const BEFORE_AGENT: Appliance = { name: 'early', node: 'node-b', ip: '192.0.2.101', mac: '02:4d:00:00:00:01' };
const BEFORE_BOTH: Appliance = { name: 'earliest', node: 'node-a', ip: '192.0.2.102', mac: '02:4d:00:00:00:02' };
const BEFORE_NIC: Appliance = { name: 'hasty', node: 'node-a', ip: '192.0.2.103', mac: '02:4d:00:00:00:03' };
const DUAL: Appliance = {
  name: 'dual',
  node: 'node-b',
  ip: '192.0.2.104',
  ip6: 'fd00:9::104',
  mac: '02:4d:00:00:00:04',
};

let cluster: Cluster;
const times: string[] = [];

beforeAll(async () => {
  cluster = await startCluster({ instance: `boot-${process.pid}`, life: 'Owner' });
  await cluster.node('node-a').unplug();
  const image = await loadStoryImages(cluster);
  await kubectl('create', 'namespace', 'home');
  expect(await cluster.helm(['install', ...chartArguments(image)])).toMatchObject({ code: 0 });
}, LONG_MS);

afterAll(async () => {
  await cluster?.down();
  if (times.length > 0) console.log(times.join('\n'));
}, LONG_MS);

const kubectl = (...args: string[]) => kubectlOutput(cluster, args);
const apply = (object: object) => kubectlOutput(cluster, ['apply', '-f', '-'], object);

/** The NIC of node-a is known by its MAC address, that of node-b by its name. */
function lan(): object {
  const rule = (node: string, facts: object) => ({
    nodeSelector: { 'kubernetes.io/hostname': node },
    interface: facts,
  });
  return {
    apiVersion: 'macvlan.dev/v1alpha1',
    kind: 'MacvlanAttachment',
    metadata: { name: 'lan' },
    spec: {
      parents: [
        rule('node-a', { mac: cluster.node('node-a').parentMac }),
        rule('node-b', { name: cluster.node('node-b').parent }),
      ],
      namespaces: { names: ['home'] },
      ipam: { type: 'Static' },
      pins: 'Allow',
      hostAccess: { type: 'Routed' },
    },
  };
}

async function create({ name, node, ip, ip6, mac }: Appliance): Promise<void> {
  const ips = [`${ip}/24`, ...(ip6 === undefined ? [] : [`${ip6}/64`])];
  await apply(podManifest({ name, namespace: 'home', node, networks: JSON.stringify([{ name: 'lan', ips, mac }]) }));
}

/** A pod whose network the kubelet has tried to make, in vain. */
async function createInVain(appliance: Appliance): Promise<void> {
  const { name } = appliance;
  await create(appliance);
  const about = `involvedObject.name=${name},reason=FailedCreatePodSandBox`;
  await until(
    `the kubelet has tried to start ${name}`,
    async () => (await kubectl('-n', 'home', 'get', 'events', '--field-selector', about, '-o', 'name')) !== '',
    PATIENCE_MS,
  );
}

async function phaseOf(name: string): Promise<string> {
  return kubectl('-n', 'home', 'get', 'pod', name, '-o', 'jsonpath={.status.phase}');
}

/** Waits for the pod, notes how long it took, and sees to it that it is on the LAN with its own MAC address. */
async function runs({ name, ip, ip6, mac }: Appliance, since: { what: string; at: number }): Promise<void> {
  await until(`${name} runs`, async () => (await phaseOf(name)) === 'Running', PATIENCE_MS);
  times.push(`${name}: ${formatMs(performance.now() - since.at)} from ${since.what} to pod running`);
  const [link] = linksOf(await kubectl('-n', 'home', 'get', 'pod', name, '-o', 'json')) as [AttachedLink];
  expect(link).toMatchObject({ name: 'home/lan', mac, ips: [ip, ...(ip6 === undefined ? [] : [ip6])] });
  await until(
    'the LAN reaches it',
    async () => (await cluster.client.exec(['ping', '-c1', '-W1', ip])).code === 0,
    PATIENCE_MS,
  );
  const { stdout } = await cluster.client.exec(['ip', 'neigh', 'show', ip]);
  expect(stdout).toContain(mac);
}

async function stateOf(node: string): Promise<string | undefined> {
  const { code, stdout } = await cluster.kubectl(['get', 'mvn', node, '-o', 'json']);
  if (code !== 0) return undefined;
  const [entry] = (JSON.parse(stdout) as MacvlanNodeState).status?.attachments ?? [];
  return [entry?.phase, entry?.problems?.[0]?.reason].filter((word) => word !== undefined).join(' ');
}

function isInState(node: string, state: string): Promise<boolean> {
  return until(`${node} is ${state}`, async () => (await stateOf(node)) === state, PATIENCE_MS);
}

async function hasAlias(node: string): Promise<boolean> {
  return (await cluster.node(node).exec(['ip', 'link', 'show', 'mva-lan'])).code === 0;
}

describe('a pod attaches by itself', () => {
  test(
    'when it was created before the attachment and its agent',
    async () => {
      await Promise.all([createInVain(BEFORE_AGENT), createInVain(BEFORE_BOTH)]);
      const at = performance.now();
      await apply(lan());
      await isInState('node-b', 'Ready');
      times.push(`node-b: ${formatMs(performance.now() - at)} from attachment applied to NIC verified`);
      await runs(BEFORE_AGENT, { what: 'attachment applied (no agent before it)', at });
    },
    LONG_MS,
  );

  test(
    'when it was created before agent and NIC: not through another NIC of that name, but through the right one',
    async () => {
      const node = cluster.node('node-a');
      await isInState('node-a', 'Failed ParentMissing');
      await node.plug({ mac: '52:54:00:ff:ff:ff' });
      const seen = ['get', 'mvn', 'node-a', '-o', 'jsonpath={.status.interfaces[*].mac}'];
      await until('the other NIC is seen', async () => (await kubectl(...seen)).includes('52:54:00:ff:ff:ff'));
      expect(await stateOf('node-a')).toBe('Failed ParentMissing');
      expect(await hasAlias('node-a')).toBe(false);
      expect(await phaseOf(BEFORE_BOTH.name)).toBe('Pending');
      await node.unplug();
      const at = performance.now();
      await node.plug();
      await runs(BEFORE_BOTH, { what: 'NIC present', at });
      await isInState('node-a', 'Ready');
    },
    LONG_MS,
  );

  test(
    'when it was created while the NIC was away',
    async () => {
      const node = cluster.node('node-a');
      await node.unplug();
      await isInState('node-a', 'Failed ParentMissing');
      expect(await hasAlias('node-a')).toBe(false);
      await createInVain(BEFORE_NIC);
      const at = performance.now();
      await node.plug();
      await isInState('node-a', 'Ready');
      times.push(`node-a: ${formatMs(performance.now() - at)} from NIC present to NIC verified`);
      await runs(BEFORE_NIC, { what: 'NIC present', at });
    },
    LONG_MS,
  );
});

describe('a pod with an address of each family', () => {
  test(
    'and its node reach each other by both: the agent may write the settings that IPv6 takes',
    async () => {
      const node = cluster.node(DUAL.node);
      const added = await node.exec(['ip', '-6', 'addr', 'add', `${NODE_IP6}/64`, 'dev', node.parent, 'nodad']);
      expect(added).toMatchObject({ code: 0 });
      const at = performance.now();
      await create(DUAL);
      await runs(DUAL, { what: 'pod created', at });
      for (const target of [DUAL.ip, 'fd00:9::104']) {
        const reaches = async () => (await node.exec(['ping', '-c1', '-W1', target])).code === 0;
        await until(`the node reaches ${target}`, reaches, PATIENCE_MS);
      }
      for (const target of [node.lanAddress, NODE_IP6]) {
        const ping = ['-n', 'home', 'exec', DUAL.name, '--', '/toolbox', 'ping', '-c', '1', target];
        await until(`the pod reaches ${target}`, async () => (await cluster.kubectl(ping)).code === 0, PATIENCE_MS);
      }
      expect(await stateOf(DUAL.node)).toBe('Ready');
      const filters = "tc filter show dev $(ip -o link | grep -o 'mvs-[a-z2-7]*' | head -n 1) egress";
      expect((await node.exec(['sh', '-c', filters])).stdout).toContain('direct-action');
    },
    LONG_MS,
  );
});
