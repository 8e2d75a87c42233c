// The test cluster itself: it works, it comes back after a crash, several run side by side, and nothing of them is left.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { type Cluster, endCluster, startCluster } from '../cluster/cluster.ts';
import { loadProgramImage } from '../cluster/image.ts';
import { statOf } from '../cluster/pid.ts';
import { Processes } from '../cluster/processes.ts';
import { silent } from '../cluster/progress.ts';
import { runOrThrow } from '../support/run.ts';
import { podManifest, TOOLBOX_IMAGE } from './pods.ts';

const ONE = `harness-${process.pid}`;
const TWO = `harness-${process.pid}-two`;
const START_MS = 1_500_000;

describe('a test cluster', () => {
  let cluster: Cluster;
  let linksBefore = '';

  beforeAll(async () => {
    linksBefore = await links();
    cluster = await startCluster({ instance: ONE, life: 'Owner', progress: silent });
  }, START_MS);

  afterAll(async () => {
    for (const instance of [ONE, TWO]) await endCluster(instance);
  }, 60_000);

  test('puts nothing into the network of the machine but one port on loopback', async () => {
    expect(await links()).toBe(linksBefore);
  });

  test('has nodes whose LAN NICs have different names, and a LAN that reaches them', async () => {
    expect(cluster.nodes.map((node) => node.parent)).toEqual(['enp3s0', 'lan0']);
    for (const node of cluster.nodes) {
      expect((await cluster.client.exec(['ping', '-c1', '-W2', node.lanAddress])).code).toBe(0);
      expect((await node.exec(['ping', '-c1', '-W2', cluster.client.address])).code).toBe(0);
    }
  });

  test('runs pods on both nodes that reach each other and the API server', async () => {
    await loadProgramImage(cluster, toolboxImage(cluster));
    await runPods(cluster, ['one', 'two']);
    const address = (await get(cluster, ['pod', 'two', '-o', 'jsonpath={.status.podIP}'])).trim();
    const answer = await cluster.kubectl(['exec', 'one', '--', '/toolbox', 'get', 'tcp', `${address}:80`]);
    expect(answer.stdout).toMatch(/^two /);
  }, 120_000);

  test('gives a node back a NIC that was pulled out', async () => {
    const node = cluster.node('node-a');
    await node.unplug();
    expect((await node.exec(['ip', 'link', 'show', node.parent])).code).not.toBe(0);
    await node.plug();
    expect((await node.exec(['ping', '-c1', '-W2', cluster.client.address])).code).toBe(0);
  });

  test('writes requests of nodes under accounts of their own into the audit log', () => {
    const users = new Set(readFileSync(cluster.auditLog, 'utf8').match(/"username":"[^"]+"/g));
    for (const user of ['system:node:node-a', 'system:node:node-b', 'multus']) {
      expect([...users]).toContain(`"username":"${user}"`);
    }
  });

  test('comes back after everything of it was killed, beside another cluster', async () => {
    new Processes(cluster.stateDir).killAll();
    const nodes = [{ name: 'single', parent: 'nic0' }];
    const [again, other] = await Promise.all([
      startCluster({ instance: ONE, life: 'Owner', progress: silent }),
      startCluster({ instance: TWO, life: 'Owner', progress: silent, nodes }),
    ]);
    cluster = again;
    await other.kubectl(['create', 'namespace', 'only-there']);
    expect((await cluster.kubectl(['get', 'namespace', 'only-there'])).stderr).toContain('NotFound');
    await loadProgramImage(cluster, toolboxImage(cluster));
    await runPods(cluster, ['three']);
  }, 300_000);

  test('leaves no process, mount, link, cgroup, name or file when it has ended', async () => {
    for (const instance of [ONE, TWO]) expect(await endCluster(instance)).toBe(true);
    await expect(tracesThatStay(`macvlan-operator-${ONE}`)).resolves.toEqual([]);
    expect(await links()).toBe(linksBefore);
    const names = existsSync('/run/netns') ? readdirSync('/run/netns') : [];
    expect(names.filter((name) => name.startsWith(ONE))).toEqual([]);
    expect(existsSync(cluster.stateDir)).toBe(false);
    const cgroups = await runOrThrow(['find', '/sys/fs/cgroup', '-name', `*${ONE}*`]);
    expect(cgroups).toBe('');
  }, 60_000);
});

function toolboxImage(cluster: Cluster) {
  return { program: cluster.toolbox, reference: TOOLBOX_IMAGE };
}

/** Starts pods, the first on node-a, the next on node-b, and waits until they are ready. */
async function runPods(cluster: Cluster, names: readonly string[]): Promise<void> {
  const items = names.map((name, index) =>
    podManifest({ name, namespace: 'default', node: index === 0 ? 'node-a' : 'node-b' }),
  );
  const list = JSON.stringify({ apiVersion: 'v1', kind: 'List', items });
  await cluster.kubectl(['apply', '-f', '-'], { input: list });
  const waited = await cluster.kubectl([
    'wait',
    '--for=condition=Ready',
    '--timeout=60s',
    ...names.map((name) => `pod/${name}`),
  ]);
  expect(waited).toMatchObject({ code: 0 });
}

async function get(cluster: Cluster, args: readonly string[]): Promise<string> {
  return (await cluster.kubectl(['get', ...args])).stdout;
}

function links(): Promise<string> {
  return runOrThrow(['ip', '-o', 'link']);
}

/** What is left of a cluster after a moment: the kernel may still be taking the last of it apart. */
async function tracesThatStay(word: string): Promise<readonly string[]> {
  const deadline = performance.now() + 10_000;
  let left = traces(word);
  while (left.length > 0 && performance.now() < deadline) {
    await sleep(50);
    left = traces(word);
  }
  return left;
}

/** Processes that name the cluster, are in its cgroup, or still see one of its mounts. */
function traces(word: string): readonly string[] {
  return readdirSync('/proc')
    .filter((entry) => /^\d+$/.test(entry) && Number(entry) !== process.pid && statOf(Number(entry))?.state !== 'Z')
    .flatMap((pid) => ['cmdline', 'cgroup', 'mountinfo'].map((file) => join('/proc', pid, file)))
    .filter((path) => {
      try {
        return readFileSync(path, 'utf8').includes(word);
      } catch {
        return false; // it has ended
      }
    });
}
