// Keys of the queue of pods: which pod, and by which node's word.
import type { MacvlanNodeState, NodePod } from '../../api/v1alpha1/node-state.ts';
import { isEqual } from '../../domain/objects/equal.ts';

export interface PodKey {
  readonly node: string;
  readonly namespace: string;
  readonly name: string;
}

/** Names hold no slash. */
export function formatPodKey({ node, namespace, name }: PodKey): string {
  return `${node}/${namespace}/${name}`;
}

export function parsePodKey(key: string): PodKey {
  const [node = '', namespace = '', name = ''] = key.split('/');
  return { node, namespace, name };
}

/** Pods about which the state of their node says something new or nothing any more, and those that wait there for their NIC. */
export function podsToLookAt(node: string, old: MacvlanNodeState | undefined, current: MacvlanNodeState | undefined) {
  const before = new Map((old?.status?.pods ?? []).map((pod) => [linkKeyOf(pod), pod]));
  const pods = (current?.status?.pods ?? []).filter((pod) => {
    const known = before.get(linkKeyOf(pod));
    return pod.state === 'Ghost' || (known === undefined ? pod.state !== 'Attached' : !isEqual(known.state, pod.state));
  });
  const after = new Set((current?.status?.pods ?? []).map(linkKeyOf));
  const gone = (old?.status?.pods ?? []).filter((pod) => pod.state !== 'Attached' && !after.has(linkKeyOf(pod)));
  return [...new Set([...pods, ...gone].map(({ namespace, name }) => formatPodKey({ node, namespace, name })))];
}

function linkKeyOf({ uid, attachment, interface: link }: NodePod): string {
  return `${uid}/${attachment}/${link}`;
}
