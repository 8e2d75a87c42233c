// What the controller has made of a cluster, without what differs from one time to the next; and how to take all of it away.
import { type Condition, NODE } from '../../../../src/api/kube.ts';
import { NETWORK_ATTACHMENT_DEFINITION, type NetworkAttachmentDefinition } from '../../../../src/api/multus.ts';
import {
  AGENT_NAME,
  LABEL_AGENT,
  LABEL_ATTACHMENT,
  LABEL_MANAGED_BY,
  LABEL_READY_PREFIX,
} from '../../../../src/api/names.ts';
import { ATTACHMENT, type MacvlanAttachment } from '../../../../src/api/v1alpha1/attachment.ts';
import { NODE_STATE } from '../../../../src/api/v1alpha1/node-state.ts';
import { DAEMON_SET } from '../../../../src/domain/attachment/node-daemonset.ts';
import type { KubeClient } from '../../../../src/kernel/kube/client.ts';
import { OPERATOR_NAMESPACE } from '../world.ts';

/** Plain values by `Kind namespace/name`, sorted: two clusters are the same when these are. */
export type Snapshot = Readonly<Record<string, unknown>>;

const DAEMON_SET_KEY = { namespace: OPERATOR_NAMESPACE, name: AGENT_NAME };

export async function takeSnapshot(client: KubeClient): Promise<Snapshot> {
  const entries: [string, unknown][] = [];
  for (const { metadata, spec, status } of (await client.list(ATTACHMENT)).items) {
    const { finalizers, deletionTimestamp } = metadata;
    const isDeleted = deletionTimestamp !== undefined;
    entries.push([`Attachment ${metadata.name}`, { isDeleted, finalizers, spec, status: withoutTimes(status) }]);
  }
  for (const { metadata, spec } of (await client.list(NETWORK_ATTACHMENT_DEFINITION)).items) {
    const { labels, finalizers } = metadata;
    const annotations = withoutNotes(metadata.annotations);
    entries.push([`NAD ${metadata.namespace}/${metadata.name}`, { labels, annotations, finalizers, spec }]);
  }
  for (const { metadata } of (await client.list(NODE)).items) entries.push([`Node ${metadata.name}`, metadata.labels]);
  for (const { metadata, status } of (await client.list(NODE_STATE)).items) {
    entries.push([`NodeState ${metadata.name}`, status]);
  }
  const daemonSet = await client.get(DAEMON_SET, DAEMON_SET_KEY);
  if (daemonSet !== undefined) entries.push(['DaemonSet', { labels: daemonSet.metadata.labels, spec: daemonSet.spec }]);
  return JSON.parse(JSON.stringify(Object.fromEntries(entries.toSorted(([a], [b]) => (a < b ? -1 : 1))))) as Snapshot;
}

/** What people note on objects of ours stays with the object, and goes when `takeAllAway` takes that away. */
function withoutNotes(annotations: Readonly<Record<string, string>> = {}): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries(annotations).filter(([key]) => !key.startsWith('example.com/')));
}

/** How many of each kind there are, for people. */
export function summaryOf(snapshot: Snapshot): string {
  const counts = new Map<string, number>();
  for (const key of Object.keys(snapshot)) {
    const kind = key.split(' ')[0] ?? '';
    counts.set(kind, (counts.get(kind) ?? 0) + 1);
  }
  return [...counts].map(([kind, count]) => `${kind} ${count}`).join(', ');
}

function withoutTimes(status: MacvlanAttachment['status']): unknown {
  if (status === undefined) return undefined;
  const conditions = (status.conditions ?? []).map(({ lastTransitionTime: _, ...rest }: Condition) => rest);
  return { ...status, conditions };
}

/** A NAD that is the controller's, by what the controller itself goes by. */
export function isOurs({ metadata }: NetworkAttachmentDefinition): boolean {
  return metadata.labels?.[LABEL_ATTACHMENT] !== undefined || metadata.labels?.[LABEL_MANAGED_BY] !== undefined;
}

/** Leaves only what users and agents said: no NAD of ours, no status, no finalizer, no label, no DaemonSet. */
export async function takeAllAway(client: KubeClient): Promise<void> {
  for (const definition of (await client.list(NETWORK_ATTACHMENT_DEFINITION)).items) {
    if (isOurs(definition)) await client.delete(NETWORK_ATTACHMENT_DEFINITION, definition.metadata);
  }
  for (const { metadata } of (await client.list(ATTACHMENT)).items) {
    await client.mergePatch(ATTACHMENT, metadata, { metadata: { finalizers: null } });
    await client.mergePatch(ATTACHMENT, metadata, { status: null }, { subresource: 'status' });
  }
  for (const { metadata } of (await client.list(NODE)).items) {
    const ours = Object.keys(metadata.labels ?? {}).filter(
      (key) => key === LABEL_AGENT || key.startsWith(LABEL_READY_PREFIX),
    );
    const labels = Object.fromEntries(ours.map((key) => [key, null]));
    await client.mergePatch(NODE, metadata, { metadata: { labels } });
  }
  await client.delete(DAEMON_SET, DAEMON_SET_KEY);
}
