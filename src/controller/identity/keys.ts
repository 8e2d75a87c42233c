// To which group things belong: what the queue works on, by namespace and name of the group.
import type { Pod } from '../../api/kube.ts';
import { ANNOTATION_NETWORKS } from '../../api/multus.ts';
import type { IdentityReference, MacvlanClaim } from '../../api/v1alpha1/claim.ts';
import type { MacvlanIdentity } from '../../api/v1alpha1/identity.ts';
import { boundTo } from '../../domain/identity/adopt.ts';
import { groupNameOf, groupOf } from '../../domain/identity/key.ts';

/** Of a bound pod, that of its identity: an owner may let its pods go, and they still have what they were bound to. */
export function groupKeyOfPod(pod: Pod): string {
  const bound = boundTo(pod);
  if (bound !== undefined) return `${pod.metadata.namespace}/${groupNameOf(bound)}`;
  return `${pod.metadata.namespace}/${groupOf(pod).name}`;
}

export function groupKeyOfIdentity({ metadata }: MacvlanIdentity): string {
  return `${metadata.namespace}/${groupNameOf(metadata.name)}`;
}

export function groupKeyOfClaim({ spec: { identity } }: MacvlanClaim): string {
  return groupKeyOf(identity);
}

export function groupKeyOf({ namespace, name }: IdentityReference): string {
  return `${namespace}/${groupNameOf(name)}`;
}

/** Most pods of a cluster are on no network of ours: of them, nothing is kept but their name. */
export function cutStartingPod(pod: Pod): Pod {
  if (pod.metadata.annotations?.[ANNOTATION_NETWORKS] !== undefined) return cutPod(pod);
  const { name, namespace, uid, resourceVersion } = pod.metadata;
  return { metadata: { name, namespace, uid, resourceVersion } as Pod['metadata'], spec: {} };
}

/** A pod is kilobytes of containers and statuses; who made it, what it asks for and where it is are all that is looked at. */
export function cutPod({ metadata, spec, status }: Pod): Pod {
  const { annotations = {}, ...rest } = metadata;
  const kept = Object.entries(annotations).filter(
    ([key]) => key === ANNOTATION_NETWORKS || /^(macvlan\.dev|batch\.kubernetes\.io)\//.test(key),
  );
  // A DaemonSet says in the affinity for which node the pod is; of a pod that waits, everything about nodes is needed.
  const isForOneNode = rest.ownerReferences?.some((owner) => owner.kind === 'DaemonSet') === true;
  const isHeld = spec.schedulingGates !== undefined;
  return {
    metadata: { ...rest, annotations: Object.fromEntries(kept) },
    spec: {
      ...(spec.nodeName === undefined ? {} : { nodeName: spec.nodeName }),
      ...(spec.schedulingGates === undefined ? {} : { schedulingGates: spec.schedulingGates }),
      ...(isHeld && spec.nodeSelector !== undefined ? { nodeSelector: spec.nodeSelector } : {}),
      ...((isHeld || isForOneNode) && spec.affinity?.nodeAffinity !== undefined
        ? { affinity: { nodeAffinity: spec.affinity.nodeAffinity } }
        : {}),
    },
    ...(status?.phase === undefined ? {} : { status: { phase: status.phase } }),
  };
}
