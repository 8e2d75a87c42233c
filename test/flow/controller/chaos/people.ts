// Everybody but the controller: users, other people's programs, the namespace controller, the agents. Each does, at random, what
// such people do. What the API server refuses is of no consequence here.
import { NAMESPACE, type Namespace, NODE } from '../../../../src/api/kube.ts';
import { NETWORK_ATTACHMENT_DEFINITION } from '../../../../src/api/multus.ts';
import { AGENT_NAME, LABEL_ATTACHMENT } from '../../../../src/api/names.ts';
import { ATTACHMENT, type MacvlanAttachmentSpec } from '../../../../src/api/v1alpha1/attachment.ts';
import { NODE_STATE, type NodeAttachment } from '../../../../src/api/v1alpha1/node-state.ts';
import { DAEMON_SET } from '../../../../src/domain/attachment/node-daemonset.ts';
import type { KubeClient } from '../../../../src/kernel/kube/client.ts';
import { ApiError } from '../../../../src/kernel/kube/transport.ts';
import { nodeEntry, nodePod } from '../../../support/builders.ts';
import type { Random } from '../../../support/random.ts';
import { makeNode, OPERATOR_NAMESPACE, setReady, writeNodeState } from '../world.ts';

const numbered = (prefix: string, count: number) => Array.from({ length: count }, (_, index) => `${prefix}-${index}`);
const NAMESPACES = numbered('space', 8);
const ATTACHMENTS = numbered('lan', 12);
const NODES = numbered('node', 5);
const ZONES = ['east', 'west'];

type Deed = (client: KubeClient, random: Random) => Promise<unknown>;

/** Each as often as it is in the list. */
const DEEDS: readonly Deed[] = [
  (client, random) => client.create(ATTACHMENT, newAttachment(random)),
  (client, random) => client.create(ATTACHMENT, newAttachment(random)),
  (client, random) => client.mergePatch(ATTACHMENT, { name: random.pick(ATTACHMENTS) }, { spec: randomSpec(random) }),
  (client, random) => client.mergePatch(ATTACHMENT, { name: random.pick(ATTACHMENTS) }, { spec: randomSpec(random) }),
  (client, random) => client.delete(ATTACHMENT, { name: random.pick(ATTACHMENTS) }),
  (client, random) => client.create(NAMESPACE, { metadata: { name: random.pick(NAMESPACES), labels: zone(random) } }),
  (client, random) => client.create(NAMESPACE, { metadata: { name: random.pick(NAMESPACES), labels: zone(random) } }),
  (client, random) =>
    client.mergePatch(NAMESPACE, { name: random.pick(NAMESPACES) }, { metadata: { labels: relabel(random) } }),
  (client, random) => client.delete(NAMESPACE, { name: random.pick(NAMESPACES) }),
  (client, random) => makeNode(client, random.pick(NODES), zone(random)),
  (client, random) => client.mergePatch(NODE, { name: random.pick(NODES) }, { metadata: { labels: relabel(random) } }),
  (client, random) => (random.chance(0.3) ? client.delete(NODE, { name: random.pick(NODES) }) : Promise.resolve()),
  (client, random) => setReady(client, random.pick(NODES), random.pick(['True', 'False', 'Unknown'])),
  reportAsAgent,
  reportAsAgent,
  reportAsAgent,
  (client, random) => client.create(NETWORK_ATTACHMENT_DEFINITION, foreignDefinition(random)),
  (client, random) => client.delete(NETWORK_ATTACHMENT_DEFINITION, anyDefinition(random)),
  (client, random) => client.delete(NETWORK_ATTACHMENT_DEFINITION, anyDefinition(random)),
  (client, random) => editDefinition(client, random, { spec: { config: '{}' } }),
  (client, random) => editDefinition(client, random, { metadata: { labels: { [LABEL_ATTACHMENT]: null } } }),
  (client, random) => editDefinition(client, random, { metadata: { annotations: { 'example.com/note': 'kept' } } }),
  (client) => client.delete(DAEMON_SET, { namespace: OPERATOR_NAMESPACE, name: AGENT_NAME }),
  (client) => client.mergePatch(DAEMON_SET, { namespace: OPERATOR_NAMESPACE, name: AGENT_NAME }, otherSelector),
  endNamespaces,
  endNamespaces,
];

const otherSelector = { spec: { template: { spec: { nodeSelector: { somewhere: 'else' } } } } };

/** One thing that somebody does. Resolves whether or not the API server would have it. */
export async function doSomething(client: KubeClient, random: Random): Promise<void> {
  try {
    await random.pick(DEEDS)(client, random);
  } catch (error) {
    if (!(error instanceof ApiError) || error.status >= 500) throw error;
  }
}

/** What brings every deletion to its end: agents that find nothing left on their nodes, and the namespace controller. */
export async function finishDeletions(client: KubeClient): Promise<void> {
  await endNamespaces(client);
  const present = (await client.list(ATTACHMENT)).items.filter((item) => item.metadata.deletionTimestamp === undefined);
  const names = new Set(present.map((item) => item.metadata.name));
  for (const { metadata, status } of (await client.list(NODE_STATE)).items) {
    const attachments = (status?.attachments ?? []).filter((entry) => names.has(entry.name));
    const pods = (status?.pods ?? []).filter((pod) => names.has(pod.attachment));
    if (attachments.length === status?.attachments?.length && pods.length === (status.pods ?? []).length) continue;
    await writeNodeState(client, metadata.name, { attachments, pods }).catch(unlessRefused);
  }
}

function unlessRefused(error: unknown): void {
  if (!(error instanceof ApiError)) throw error;
}

function newAttachment(random: Random) {
  return { metadata: { name: random.pick(ATTACHMENTS) }, spec: randomSpec(random) } as const;
}

/** Every field that may be given is given, so that a merge patch with it leaves nothing of the old spec. */
function randomSpec(random: Random): MacvlanAttachmentSpec {
  const names = random.some([...NAMESPACES, 'nowhere'], 0.4);
  const selector = random.chance(0.5) ? { matchLabels: { zone: random.pick(ZONES) } } : null;
  const spec = {
    namespaces: {
      names: names.length === 0 && selector === null ? [NAMESPACES[0]] : names.length === 0 ? null : names,
      selector,
    },
    nodeSelector: random.chance(0.5) ? { matchLabels: { zone: random.pick(ZONES) } } : null,
    mode: random.pick(['bridge', 'private', 'vepa']),
    mtu: random.pick([1400, 1500, null]),
    ipam: { type: random.pick(['DHCP', 'None']) },
    hostAccess: { type: random.pick(['None', 'Routed']) },
  };
  return spec as unknown as MacvlanAttachmentSpec;
}

function zone(random: Random): Readonly<Record<string, string>> {
  return { zone: random.pick(ZONES) };
}

function relabel(random: Random): Readonly<Record<string, string | null>> {
  return { zone: random.pick([...ZONES, null]) };
}

async function reportAsAgent(client: KubeClient, random: Random): Promise<void> {
  const attachments = random.some(ATTACHMENTS, 0.3).map((name): NodeAttachment => {
    const phase = random.pick(['Ready', 'Ready', 'Pending', 'Failed'] as const);
    return nodeEntry({
      name,
      phase,
      observedGeneration: random.below(4) + 1,
      hostAccess: random.pick(['None', 'Ready']),
    });
  });
  const pods = random.some(ATTACHMENTS, 0.1).map((attachment) => nodePod(`pod-of-${attachment}`, { attachment }));
  await writeNodeState(client, random.pick(NODES), { attachments, pods });
}

function foreignDefinition(random: Random) {
  return { metadata: anyDefinition(random), spec: { config: '{"cniVersion":"1.0.0","name":"theirs","plugins":[]}' } };
}

function anyDefinition(random: Random) {
  return { namespace: random.pick(NAMESPACES), name: random.pick(ATTACHMENTS) };
}

function editDefinition(client: KubeClient, random: Random, patch: object): Promise<unknown> {
  return client.mergePatch(NETWORK_ATTACHMENT_DEFINITION, anyDefinition(random), patch, { manager: 'somebody' });
}

/** As the namespace controller does: what is in it goes, then the namespace. */
async function endNamespaces(client: KubeClient): Promise<void> {
  for (const namespace of (await client.list(NAMESPACE)).items) {
    if (namespace.metadata.deletionTimestamp === undefined) continue;
    const { name } = namespace.metadata;
    for (const { metadata } of (await client.list(NETWORK_ATTACHMENT_DEFINITION, { namespace: name })).items) {
      await client.delete(NETWORK_ATTACHMENT_DEFINITION, metadata);
    }
    await finalize(client, namespace);
  }
}

async function finalize(client: KubeClient, { metadata }: Namespace): Promise<void> {
  const body = { apiVersion: 'v1', kind: 'Namespace', metadata: { name: metadata.name }, spec: { finalizers: [] } };
  await client.transport.request({ method: 'PUT', path: `/api/v1/namespaces/${metadata.name}/finalize`, body });
}
