// A cluster from a node image that a registry has. It is the one that is built here, which has the settings of the standard one:
// systemd's cgroups and free scores, so that what this machine needs otherwise is patched in by the cluster's configuration.
import { existsSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { type Cluster, endCluster, startCluster } from '../cluster/cluster.ts';
import { builtNodeImage } from '../cluster/kind/built-image.ts';
import { hasCapability, hostCgroups } from '../cluster/kind/capabilities.ts';
import { runningDocker } from '../cluster/kind/docker.ts';
import { standardNodeImage } from '../cluster/kind/node-image.ts';
import { kindCache } from '../cluster/kind/packages.ts';
import { silent } from '../cluster/progress.ts';
import { startRegistry, type TestRegistry } from '../support/registry.ts';
import { searchPath } from '../support/run.ts';

const LONG_MS = 15 * 60_000;
const NAME = `kind-image-${process.pid}`;
const NODES = [{ name: 'single', parent: 'nic0' }];

let registry: TestRegistry;
let cluster: Cluster;
let reference: string;
let had: readonly string[];
const said: string[] = [];
const kept = () => (existsSync(kindCache()) ? readdirSync(kindCache()) : []);

beforeAll(async () => {
  process.env['CLUSTER'] = 'kind';
  if ((await runningDocker(searchPath())) !== undefined)
    throw new Error('a Docker engine runs: these tests are about none');
  registry = await startRegistry();
  const archive = await builtNodeImage(silent);
  had = kept();
  reference = await registry.push(archive, standardNodeImage());
  process.env['KIND_NODE_IMAGE'] = reference;
  const progress = (line: string) => said.push(line);
  cluster = await startCluster({ instance: NAME, life: 'Owner', nodes: NODES, progress });
}, LONG_MS);

afterAll(async () => {
  delete process.env['KIND_NODE_IMAGE'];
  await endCluster(NAME);
  await registry.end();
  for (const file of kept().filter((name) => !had.includes(name))) rmSync(join(kindCache(), file));
}, LONG_MS);

test('kind makes the nodes of the image that was fetched', async () => {
  expect(said).toContain(`fetching ${reference}`);
  expect(said).toContain(`kind creates 1 nodes of ${reference}`);
  const nodes = await cluster.kubectl(['get', 'nodes', '-o', 'jsonpath={.items[*].status.nodeInfo.kubeletVersion}']);
  expect(`kindest/node:${nodes.stdout}`).toBe(standardNodeImage());
});

test("kubelet and containerd agree on who makes pods' cgroups, whatever the image came with", async () => {
  const node = cluster.node('single');
  const containerd = (await node.exec(['cat', '/etc/containerd/config.toml'])).stdout;
  const kubelet = (await node.exec(['cat', '/var/lib/kubelet/config.yaml'])).stdout;
  const isSystemd = hostCgroups() === 2;
  const runc = /runtimes\.runc\.options\]\s+SystemdCgroup = (\w+)/.exec(containerd)?.[1];
  expect(runc).toBe(String(isSystemd));
  expect(kubelet).toContain(`cgroupDriver: ${isSystemd ? 'systemd' : 'cgroupfs'}`);
  expect(containerd).toContain(`restrict_oom_score_adj = ${!hasCapability('CAP_SYS_RESOURCE')}`);
});

test(
  'an image of another Kubernetes is refused with what to set',
  async () => {
    const { K8S } = process.env;
    process.env['K8S'] = K8S === '1.34' ? '1.35' : '1.34';
    try {
      const start = startCluster({ instance: `${NAME}-x`, life: 'Owner', nodes: NODES, progress: silent });
      await expect(start).rejects.toThrow(/^KIND_NODE_IMAGE=.* has Kubernetes v1\.\d+\.\d+: set K8S=1\.\d+/);
    } finally {
      if (K8S === undefined) delete process.env['K8S'];
      else process.env['K8S'] = K8S;
    }
  },
  LONG_MS,
);
