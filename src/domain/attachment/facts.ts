// What the decisions about one attachment are made from: gathered once per turn, then only read.
import type { LabelSelector, Namespace, Node } from '../../api/kube.ts';
import type { NetworkAttachmentDefinition } from '../../api/multus.ts';
import { FINALIZER, GROUP, LABEL_READY_PREFIX } from '../../api/names.ts';
import type { MacvlanAttachment } from '../../api/v1alpha1/attachment.ts';
import type { NodeAttachment, NodePod } from '../../api/v1alpha1/node-state.ts';
import type { Conflict } from '../identity/conflicts.ts';
import { selects } from '../select.ts';

export interface AttachmentFacts {
  readonly name: string;
  /** Nothing when it does not exist (any more). */
  readonly attachment: MacvlanAttachment | undefined;
  /** Whether the cluster knows NetworkAttachmentDefinitions. */
  readonly multus: 'Present' | 'Missing';
  readonly namespaces: readonly Namespace[];
  /** NADs that were made for this attachment. */
  readonly owned: readonly NetworkAttachmentDefinition[];
  readonly nodes: readonly Node[];
  /** What the agents say about this attachment; nodes that say nothing about it are not in the list. */
  readonly reports: readonly NodeReport[];
  /** Pods that hold up the deletion. They are asked only where something depends on it (`dependsOnPods`). */
  readonly holders: Holders | 'NotAsked';
  /** Addresses on it that are in two places; missing where nobody looks. */
  readonly conflicts?: readonly Conflict[];
  /** Older attachments whose pools hold the same addresses on the same LAN; missing where nobody looks. */
  readonly olderPools?: readonly MacvlanAttachment[];
  /** Milliseconds since 1970. */
  readonly now: number;
}

/** What one node's agent says about one attachment. */
export interface NodeReport {
  readonly node: string;
  readonly entry: NodeAttachment | undefined;
  readonly pods: readonly NodePod[];
  /** It was written before the node was booted. What was to be cleaned up there still is, as far as can be known; nothing else holds. */
  readonly isOfEarlierBoot?: true;
}

/** The facts without what was said of nodes before they were booted. */
export function ofThisBoot(facts: AttachmentFacts): AttachmentFacts {
  const reports = facts.reports.filter(({ isOfEarlierBoot }) => isOfEarlierBoot !== true);
  return { ...facts, reports };
}

/** Pods that were asked themselves and are attached. */
export interface Holders {
  /** Some of them, or all. */
  readonly pods: readonly Holder[];
  /** How many others their nodes' agents speak of, which were not asked. */
  readonly more: number;
}

export interface Holder {
  readonly namespace: string;
  readonly name: string;
  readonly node: string;
}

/**
 * Whether the attachment takes this node. Labels of our own count as not there: they come and go with the answer, and so would
 * the answer with them. The schema refuses them; this is for what was made before it did.
 */
export function matchesNode(attachment: MacvlanAttachment, node: Node): boolean {
  const { nodeSelector = {} } = attachment.spec;
  const { labels = {} } = node.metadata;
  if (!keysIn(nodeSelector).some(isOwnLabel)) return selects(nodeSelector, labels);
  return selects(nodeSelector, Object.fromEntries(Object.entries(labels).filter(([key]) => !isOwnLabel(key))));
}

function keysIn({ matchLabels = {}, matchExpressions = [] }: LabelSelector): readonly string[] {
  return [...Object.keys(matchLabels), ...matchExpressions.map(({ key }) => key)];
}

function isOwnLabel(key: string): boolean {
  return key.startsWith(`${GROUP}/`) || key.startsWith(LABEL_READY_PREFIX);
}

/** Whether it works, or still does: one that is being taken down asks for nothing any more. */
export function isInUse({ metadata, status }: MacvlanAttachment): boolean {
  if (metadata.deletionTimestamp === undefined) return true;
  return metadata.finalizers?.includes(FINALIZER) === true && status?.phase !== 'Cleaning';
}

/** A namespace that is being deleted takes no new objects. */
export function isGoing(namespace: Namespace): boolean {
  return namespace.metadata.deletionTimestamp !== undefined || namespace.status?.phase === 'Terminating';
}

/** Whether the attachment wants its NAD in this namespace: by name or by label, the union counts. */
export function wantsNamespace(attachment: MacvlanAttachment, namespace: Namespace): boolean {
  const { names, selector } = attachment.spec.namespaces;
  if (isGoing(namespace)) return false;
  if (names?.includes(namespace.metadata.name) === true) return true;
  return selector !== undefined && selects(selector, namespace.metadata.labels);
}
