// Reports of a node from before it was booted: what they say of its links is over, until its agent has looked again.
import type { Node } from '../api/kube.ts';
import type { MacvlanNodeState } from '../api/v1alpha1/node-state.ts';

/**
 * Whether the agent wrote the state before the node was booted. By the id that the node's object has, and had then; where either is not
 * known, the state counts.
 */
export function isOfEarlierBoot(state: MacvlanNodeState | undefined, node: Node | undefined): boolean {
  const [then, now] = [state?.status?.agent?.nodeBootId, bootOf(node)];
  return then !== undefined && now !== undefined && then !== now;
}

/** Whether the two tell of different boots, so that what was said of the node may be over, or count again. */
export function isAnotherBoot(old: Node | undefined, current: Node | undefined): boolean {
  return bootOf(old) !== bootOf(current);
}

function bootOf(node: Node | undefined): string | undefined {
  return node?.status?.nodeInfo?.bootID || undefined;
}
