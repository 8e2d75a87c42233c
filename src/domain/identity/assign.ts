// Which waiting pod gets which identity: each identity goes to one pod at most, and only when nobody holds it.
import type { Pod } from '../../api/kube.ts';

export interface AssignFacts {
  /** Pods that wait. */
  readonly pods: readonly Pod[];
  /** Identities that a pod may have, the preferred one first. */
  readonly candidates: (pod: Pod) => readonly string[];
  /** Identity → uid of the pod that holds it; holders that are proved to be gone are not in here. */
  readonly holders: ReadonlyMap<string, string>;
}

export interface Assignment {
  readonly pod: Pod;
  /** Nothing: all of them are held by others. */
  readonly identity: string | undefined;
}

/** One assignment per pod. Pods that hold an identity already keep it, the others are served in the order they came. */
export function assignIdentities({ pods, candidates, holders }: AssignFacts): readonly Assignment[] {
  const taken = new Set(holders.keys());
  const ofUid = new Map([...holders].map(([identity, uid]) => [uid, identity]));
  return pods.toSorted(byAge).map((pod) => {
    const own = ofUid.get(pod.metadata.uid ?? '');
    if (own !== undefined) return { pod, identity: own };
    const identity = candidates(pod).find((name) => !taken.has(name));
    if (identity !== undefined) taken.add(identity);
    return { pod, identity };
  });
}

/** The older one first. */
export function byAge(a: Pod, b: Pod): number {
  const [one, other] = [a, b].map(({ metadata }) => `${metadata.creationTimestamp ?? ''} ${metadata.name}`);
  if (one === other) return 0;
  return (one ?? '') < (other ?? '') ? -1 : 1;
}
