// The cluster for the chaos: the operator on two nodes, and workloads of every kind whose pods keep MAC and address.
import { readFileSync } from 'node:fs';
import { NAMESPACE, POD, type Pod, SECRET } from '../../../src/api/kube.ts';
import { SEED_SECRET } from '../../../src/api/names.ts';
import { ATTACHMENT, type MacvlanAttachment } from '../../../src/api/v1alpha1/attachment.ts';
import { IDENTITY, type MacvlanIdentity } from '../../../src/api/v1alpha1/identity.ts';
import type { KubeClient } from '../../../src/kernel/kube/client.ts';
import { type Cluster, startCluster } from '../../cluster/cluster.ts';
import { clientFor } from '../../support/kube.ts';
import { until } from '../../support/until.ts';
import { chartArguments } from '../chart.ts';
import { asWritten } from '../gate.ts';
import { loadStoryImages } from '../images.ts';
import { podManifest } from '../pods.ts';
import { OPERATOR_NAMESPACE } from '../world.ts';
import type { AddressSpan } from './witnesses.ts';

export const HOME = 'home';
export const SPAN: AddressSpan = { from: '192.0.2.64', to: '192.0.2.127' };
const LAN = 'lan';

export interface ChaosStage {
  readonly cluster: Cluster;
  readonly client: KubeClient;
  /** Names of all identities, each of which some pod is to hold. */
  readonly identities: readonly string[];
  pods(namespace?: string): Promise<readonly Pod[]>;
  identityObjects(): Promise<readonly MacvlanIdentity[]>;
}

/**
 * A cluster with the chart, one attachment with a pool, and workloads for so many identities.
 * @param seed restored before the first workload; default: the controller makes one
 */
export async function setChaosStage(instance: string, identities: number, seed?: Buffer): Promise<ChaosStage> {
  const cluster = await startCluster({ instance, life: 'Owner' });
  await install(cluster);
  const client = adminOf(cluster);
  await client.create(NAMESPACE, { metadata: { name: HOME } });
  await client.create(ATTACHMENT, attachment);
  if (seed !== undefined) {
    const metadata = { namespace: OPERATOR_NAMESPACE, name: SEED_SECRET };
    await client.create(SECRET, { metadata, data: { seed: seed.toString('base64') } });
  }
  await until('the LAN is ready', () => isReady(client), 60_000);
  const workloads = workloadsFor(identities);
  const list = { apiVersion: 'v1', kind: 'List', items: workloads.map(({ object }) => object) };
  const { code, stderr } = await cluster.kubectl(['apply', '-f', '-'], { input: JSON.stringify(list) });
  if (code !== 0) throw new Error(stderr);
  return {
    cluster,
    client,
    identities: workloads.flatMap((workload) => workload.identities),
    pods: async (namespace = HOME) => (await client.list<Pod>(POD, { namespace })).items,
    identityObjects: async () => (await client.list(IDENTITY, { namespace: HOME })).items,
  };
}

const attachment: MacvlanAttachment = {
  metadata: { name: LAN },
  spec: {
    parents: [{ interface: { subnet: '192.0.2.0/24' } }],
    namespaces: { names: [HOME] },
    ipam: {
      type: 'Pool',
      pool: { ranges: [{ subnet: '192.0.2.0/24', start: SPAN.from, end: SPAN.to, gateway: '192.0.2.1' }] },
    },
    repair: { type: 'InPlace' },
  },
};

async function install(cluster: Cluster): Promise<void> {
  const image = await loadStoryImages(cluster);
  const { code, stderr } = await cluster.helm(['install', ...chartArguments(image), '--wait']);
  if (code !== 0) throw new Error(stderr);
}

function adminOf(cluster: Cluster): KubeClient {
  const config = JSON.parse(readFileSync(cluster.kubeconfig, 'utf8')) as {
    clusters: [{ cluster: { server: string; 'certificate-authority-data': string } }];
    users: [{ user: { token: string } }];
  };
  const [{ cluster: server }] = config.clusters;
  const ca = Buffer.from(server['certificate-authority-data'], 'base64').toString('utf8');
  return clientFor({ url: server.server, token: config.users[0].user.token, ca });
}

async function isReady(client: KubeClient): Promise<boolean> {
  const found = await client.get(ATTACHMENT, { name: LAN });
  return found?.status?.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True') === true;
}

interface Workload {
  readonly object: object;
  readonly identities: readonly string[];
}

/** Half of them pods of a StatefulSet, a third the slots of a Deployment, the rest names with an active and a passive pod each. */
function workloadsFor(count: number): readonly Workload[] {
  const names = Math.max(1, Math.floor(count / 6));
  const slots = Math.floor(count / 3);
  const stateful = count - slots - names;
  const numbered = (prefix: string, size: number) => Array.from({ length: size }, (_, i) => `${prefix}-${i}`);
  return [
    { object: workload('StatefulSet', 'db', stateful), identities: numbered('statefulset-db', stateful) },
    { object: workload('Deployment', 'web', slots), identities: numbered('deployment-web', slots) },
    ...numbered('vip', names).map((name) => ({ object: workload('Deployment', name, 2, name), identities: [name] })),
  ];
}

function workload(kind: 'StatefulSet' | 'Deployment', name: string, replicas: number, identity = 'auto'): object {
  const { spec } = podManifest({ name, namespace: HOME, node: '' }) as { spec: Record<string, unknown> };
  const { nodeName: _, ...rest } = spec;
  const annotations = { 'k8s.v1.cni.cncf.io/networks': LAN, 'macvlan.dev/identity': identity };
  const template = { metadata: { labels: { app: name }, annotations }, spec: rest };
  return {
    apiVersion: 'apps/v1',
    kind,
    metadata: { name, namespace: HOME },
    spec: {
      replicas,
      selector: { matchLabels: { app: name } },
      ...(kind === 'StatefulSet'
        ? { serviceName: name, podManagementPolicy: 'Parallel' }
        : { strategy: { type: 'Recreate' } }),
      template: asWritten(template),
    },
  };
}
