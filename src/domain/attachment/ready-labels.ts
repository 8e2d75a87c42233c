// Node labels that tell where an attachment is ready, so that pods can ask for such a node: attachment.macvlan.dev/<name>=ready.
import type { Node } from '../../api/kube.ts';
import { LABEL_READY_PREFIX, READY } from '../../api/names.ts';
import type { MacvlanAttachment } from '../../api/v1alpha1/attachment.ts';
import type { MacvlanNodeState } from '../../api/v1alpha1/node-state.ts';
import { isOfEarlierBoot } from '../earlier-boot.ts';
import { isInUse, matchesNode } from './facts.ts';

/** As a merge patch has it: null takes a label off. */
export type LabelChanges = Readonly<Record<string, string | null>>;

/** A valid label key for every attachment: its name has at most 63 lower-case letters, digits and hyphens. */
export function readyLabelFor(attachment: string): string {
  return `${LABEL_READY_PREFIX}${attachment}`;
}

/** What has to change so that the node carries the label of each attachment that is ready on it, and no other. Sorted. */
export function readyLabelChanges(
  node: Node,
  attachments: readonly MacvlanAttachment[],
  state: MacvlanNodeState | undefined,
): LabelChanges {
  const labels = node.metadata.labels ?? {};
  const wanted = new Set(readyAttachments(node, attachments, state).map(readyLabelFor));
  const stale = Object.keys(labels).filter((key) => key.startsWith(LABEL_READY_PREFIX) && !wanted.has(key));
  const missing = [...wanted].filter((key) => labels[key] !== READY);
  const changes = [...stale.map((key) => [key, null] as const), ...missing.map((key) => [key, READY] as const)];
  return Object.fromEntries(changes.toSorted(([a], [b]) => (a < b ? -1 : 1)));
}

/**
 * By the agent's last word in this boot of the node, also when that was about an older spec: its next one is on the way, and labels that go off and on
 * with every edit would send pods elsewhere for nothing.
 */
function readyAttachments(
  node: Node,
  attachments: readonly MacvlanAttachment[],
  state: MacvlanNodeState | undefined,
): readonly string[] {
  if (isOfEarlierBoot(state, node)) return [];
  const ready = new Map(
    (state?.status?.attachments ?? [])
      .filter((entry) => entry.phase === 'Ready')
      .map((entry) => [entry.name, entry.uid] as const),
  );
  if (ready.size === 0) return [];
  return attachments
    .filter(({ metadata: { name, uid } }) => ready.has(name) && ready.get(name) === uid)
    .filter((attachment) => isInUse(attachment) && matchesNode(attachment, node))
    .map((attachment) => attachment.metadata.name);
}
