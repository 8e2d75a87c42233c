// A cluster whose Multus comes out of an image in a registry: the nodes have that program, and it attaches a pod.
import { createHash } from 'node:crypto';
import { appendFileSync, cpSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { buildTools } from '../cluster/binaries.ts';
import { type Cluster, endCluster, startCluster } from '../cluster/cluster.ts';
import { loadProgramImage } from '../cluster/image.ts';
import { MULTUS_IN_IMAGE } from '../cluster/multus.ts';
import { silent } from '../cluster/progress.ts';
import { imageCache } from '../cluster/registry.ts';
import { multus } from '../cluster/tools.ts';
import { startRegistry, type TestRegistry } from '../support/registry.ts';
import { linksOf, podManifest, TOOLBOX_IMAGE } from './pods.ts';

const LONG_MS = 10 * 60_000;
const NAME = `multus-${process.pid}`;
const NODES = [{ name: 'single', parent: 'nic0' }];

let folder: string;
let registry: TestRegistry;
let cluster: Cluster;
let program: string;
const said: string[] = [];

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'macvlan-multus-'));
  registry = await startRegistry();
  const { multus: standIn = 'multus' } = await buildTools([multus], silent);
  program = join(folder, 'multus');
  cpSync(standIn, program);
  appendFileSync(program, 'another'); // the same program, and not the same file
  delete process.env['MULTUS_BIN']; // of two that are named none is taken
  process.env['MULTUS_IMAGE'] = await registry.pushProgram(program, { path: MULTUS_IN_IMAGE, name: 'multus-cni:e2e' });
  const progress = (line: string) => said.push(line);
  cluster = await startCluster({ instance: NAME, life: 'Owner', nodes: NODES, progress });
}, LONG_MS);

afterAll(async () => {
  delete process.env['MULTUS_IMAGE'];
  await endCluster(NAME);
  await registry.end();
  rmSync(folder, { recursive: true });
  const digest = /sha256:[0-9a-f]{64}/.exec(said.join('\n'))?.[0];
  if (digest !== undefined) rmSync(join(imageCache(), 'multus', digest.replace(':', '-')), { force: true });
}, LONG_MS);

const digestOf = (path: string) => createHash('sha256').update(readFileSync(path)).digest('hex');

test('the node has the program of the image, and the start has said which it is', () => {
  expect(said).toContainEqual(expect.stringMatching(/^Multus is that of 127\.0\.0\.1:\d+\/multus-cni:e2e, sha256:/));
  expect(digestOf(`${cluster.node('single').root}/opt/cni/bin/multus`)).toBe(digestOf(program));
});

test(
  'a pod gets its NIC on the LAN from it',
  async () => {
    await loadProgramImage(cluster, { program: cluster.toolbox, reference: TOOLBOX_IMAGE });
    const config = {
      cniVersion: '1.0.0',
      type: 'macvlan',
      master: 'nic0',
      mode: 'bridge',
      ipam: { type: 'static', addresses: [{ address: '192.0.2.77/24' }] },
    };
    const definition = {
      apiVersion: 'k8s.cni.cncf.io/v1',
      kind: 'NetworkAttachmentDefinition',
      metadata: { name: 'lan', namespace: 'default' },
      spec: { config: JSON.stringify(config) },
    };
    const items = [definition, podManifest({ name: 'one', namespace: 'default', node: 'single', networks: 'lan' })];
    const list = JSON.stringify({ apiVersion: 'v1', kind: 'List', items });
    expect(await cluster.kubectl(['apply', '-f', '-'], { input: list })).toMatchObject({ code: 0 });
    const ready = ['wait', '--for=condition=Ready', '--timeout=120s', 'pod/one'];
    expect(await cluster.kubectl(ready)).toMatchObject({ code: 0 });
    const pod = await cluster.kubectl(['get', 'pod', 'one', '-o', 'json']);
    expect(linksOf(pod.stdout)).toEqual([expect.objectContaining({ ips: ['192.0.2.77'] })]);
    expect((await cluster.client.exec(['ping', '-c1', '-W2', '192.0.2.77'])).code).toBe(0);
  },
  LONG_MS,
);
