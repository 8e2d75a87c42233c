// Which nodes need an agent, which labels they carry, and when a node is done with: the one decision of the nodes reconciler.
import type { Node } from '../../api/kube.ts';
import { LABEL_AGENT, LABEL_DHCP } from '../../api/names.ts';
import type { MacvlanAttachment } from '../../api/v1alpha1/attachment.ts';
import type { MacvlanNodeState } from '../../api/v1alpha1/node-state.ts';
import { wantsDhcpDaemon } from './dhcp-daemonset.ts';
import { isInUse, matchesNode } from './facts.ts';
import { type LabelChanges, readyLabelChanges } from './ready-labels.ts';

export interface NodeFacts {
  /** Nothing when it does not exist (any more). */
  readonly node: Node | undefined;
  readonly attachments: readonly MacvlanAttachment[];
  readonly state: MacvlanNodeState | undefined;
  /** For how long the node has needed no agent and has not had the label, in milliseconds. */
  readonly idleMs: number;
}

export interface NodePlan {
  /** What has to change among the node's labels; empty when they are right. */
  readonly labels: LabelChanges;
  readonly state: 'Delete' | 'Keep';
  /** Milliseconds until time alone may change this plan; nothing when only events can. */
  readonly recheckMs: number | undefined;
}

/**
 * An agent that is being stopped may write its state once more; deleting the state under it would only make it do so.
 * So the state stays for this long after the label went.
 */
export const LINGER_MS = 3000;

/** Same facts, same plan. */
export function planNode(facts: NodeFacts, lingerMs: number = LINGER_MS): NodePlan {
  const { node, state } = facts;
  if (node === undefined) return { labels: {}, state: state === undefined ? 'Keep' : 'Delete', recheckMs: undefined };
  const ready = { ...dhcpLabelChange(facts, node), ...readyLabelChanges(node, facts.attachments, state) };
  if (needsAgent(facts, node)) {
    const labels = isLabelled(node) ? ready : { [LABEL_AGENT]: 'true', ...ready };
    return { labels, state: 'Keep', recheckMs: undefined };
  }
  if (isLabelled(node)) return { labels: { [LABEL_AGENT]: null, ...ready }, state: 'Keep', recheckMs: undefined };
  if (state === undefined) return { labels: ready, state: 'Keep', recheckMs: undefined };
  const left = lingerMs - facts.idleMs;
  return left > 0
    ? { labels: ready, state: 'Keep', recheckMs: left }
    : { labels: ready, state: 'Delete', recheckMs: undefined };
}

/** Whether an agent belongs on the node: an attachment wants it there, or something is left there to clean up. */
export function needsAgent({ attachments, state }: NodeFacts, node: Node): boolean {
  return attachments.some((attachment) => isInUse(attachment) && matchesNode(attachment, node)) || hasRemains(state);
}

/**
 * Whether the operator's DHCP daemon belongs on the node: an attachment's pods have their leases from it, or a pod still has one.
 * Without the daemon such a pod would lose its address, and could not even be deleted.
 */
export function needsDhcpDaemon(
  { attachments, state }: Pick<NodeFacts, 'attachments' | 'state'>,
  node: Node | undefined,
): boolean {
  const isWanted =
    node !== undefined && attachments.some((a) => isInUse(a) && wantsDhcpDaemon(a) && matchesNode(a, node));
  return isWanted || hasLeases(state);
}

function dhcpLabelChange(facts: NodeFacts, node: Node): LabelChanges {
  const isNeeded = needsDhcpDaemon(facts, node);
  if (isNeeded === isLabelledForDhcp(node)) return {};
  return { [LABEL_DHCP]: isNeeded ? 'true' : null };
}

export function isLabelledForDhcp(node: Node): boolean {
  return node.metadata.labels?.[LABEL_DHCP] === 'true';
}

export function isLabelled(node: Node): boolean {
  return node.metadata.labels?.[LABEL_AGENT] === 'true';
}

function hasRemains(state: MacvlanNodeState | undefined): boolean {
  const { attachments = [], shims = [] } = state?.status ?? {};
  // The agent tells when the last lease is gone.
  return attachments.length > 0 || shims.length > 0 || hasLeases(state);
}

function hasLeases(state: MacvlanNodeState | undefined): boolean {
  return (state?.status?.dhcp?.links ?? 0) > 0;
}
