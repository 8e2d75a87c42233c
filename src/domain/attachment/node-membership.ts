// Which nodes need an agent, and when a node is done with: the one decision of the nodes reconciler.
import type { Node } from '../../api/kube.ts';
import { FINALIZER, LABEL_AGENT } from '../../api/names.ts';
import type { MacvlanAttachment } from '../../api/v1alpha1/attachment.ts';
import type { MacvlanNodeState } from '../../api/v1alpha1/node-state.ts';
import { matchesNode } from './facts.ts';

export interface NodeFacts {
  /** Nothing when it does not exist (any more). */
  readonly node: Node | undefined;
  readonly attachments: readonly MacvlanAttachment[];
  readonly state: MacvlanNodeState | undefined;
  /** For how long the node has needed no agent and has not had the label, in milliseconds. */
  readonly idleMs: number;
}

export interface NodePlan {
  readonly label: 'PutOn' | 'TakeOff' | 'Keep';
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
  if (node === undefined)
    return { label: 'Keep', state: state === undefined ? 'Keep' : 'Delete', recheckMs: undefined };
  if (needsAgent(facts, node)) {
    return { label: isLabelled(node) ? 'Keep' : 'PutOn', state: 'Keep', recheckMs: undefined };
  }
  if (isLabelled(node)) return { label: 'TakeOff', state: 'Keep', recheckMs: undefined };
  if (state === undefined) return { label: 'Keep', state: 'Keep', recheckMs: undefined };
  const left = lingerMs - facts.idleMs;
  return left > 0
    ? { label: 'Keep', state: 'Keep', recheckMs: left }
    : { label: 'Keep', state: 'Delete', recheckMs: undefined };
}

/** Whether an agent belongs on the node: an attachment wants it there, or something is left there to clean up. */
export function needsAgent({ attachments, state }: NodeFacts, node: Node): boolean {
  return attachments.some((attachment) => isInUse(attachment) && matchesNode(attachment, node)) || hasRemains(state);
}

export function isLabelled(node: Node): boolean {
  return node.metadata.labels?.[LABEL_AGENT] === 'true';
}

/** An attachment that is being taken down asks for no new agents. */
function isInUse({ metadata, status }: MacvlanAttachment): boolean {
  if (metadata.deletionTimestamp === undefined) return true;
  return metadata.finalizers?.includes(FINALIZER) === true && status?.phase !== 'Cleaning';
}

function hasRemains(state: MacvlanNodeState | undefined): boolean {
  return (state?.status?.attachments ?? []).length > 0 || (state?.status?.shims ?? []).length > 0;
}
