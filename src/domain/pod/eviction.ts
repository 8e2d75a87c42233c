// Whether a pod without its link is evicted. What its node's agent says is hearsay: the pod itself has to agree.
import type { Pod } from '../../api/kube.ts';
import type { MacvlanAttachment } from '../../api/v1alpha1/attachment.ts';
import type { MacvlanNodeState, NodePod } from '../../api/v1alpha1/node-state.ts';
import { attachedPods, type IsForeign } from './attached.ts';

/** Orphan: nobody would make a new one. */
export type EvictionVerdict = 'Evict' | 'Leave' | 'Orphan';

/** Whether the agent's word asks for an eviction, before the pod is asked: the NIC is there again and the attachment wants it. */
export function isEvictionDue(
  link: NodePod,
  attachment: MacvlanAttachment | undefined,
  state: MacvlanNodeState | undefined,
): boolean {
  if (link.state !== 'Ghost' || attachment?.spec.repair?.type !== 'Recreate') return false;
  if (attachment.metadata.deletionTimestamp !== undefined) return false;
  // Before the NIC is verified, a new pod would only wait in ContainerCreating.
  const entry = state?.status?.attachments?.find(({ name }) => name === link.attachment);
  return entry?.incarnation !== undefined && entry.uid === attachment.metadata.uid;
}

/** Whether it is that very pod, on that node, and was attached as the agent says. */
export function agrees(pod: Pod, link: NodePod, node: string): boolean {
  return pod.metadata.uid === link.uid && pod.spec.nodeName === node;
}

/** What becomes of the pod, asked itself. */
export function judgeEviction(pod: Pod, link: NodePod, isForeign?: IsForeign): EvictionVerdict {
  const { deletionTimestamp, ownerReferences = [] } = pod.metadata;
  const wasAttached = attachedPods([pod], new Set([link.attachment]), isForeign).length > 0;
  if (deletionTimestamp !== undefined || !wasAttached) return 'Leave';
  const owner = ownerReferences.find((reference) => reference.controller === true);
  // The kubelet's own pods have their Node as owner, and cannot be evicted.
  return owner === undefined || owner.kind === 'Node' ? 'Orphan' : 'Evict';
}
