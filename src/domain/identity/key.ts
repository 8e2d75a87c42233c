// Which identity a pod asks for: by its annotation, else by who made it, so that its successor asks for the same one.
import type { OwnerReference, Pod } from '../../api/kube.ts';
import { ANNOTATION_IDENTITY, GATE_IDENTITY, GATED, LABEL_GATED } from '../../api/names.ts';
import type { Reclaim } from '../../api/v1alpha1/identity.ts';

/** Identities that are handed out together: one, or the slots of a Deployment or ReplicaSet. The queue works on one group at a time. */
export interface Group {
  readonly name: string;
  /** Whose replica count says how many slots there are; nothing where the group is one identity. */
  readonly slotsOf: { readonly kind: 'Deployment' | 'ReplicaSet'; readonly name: string } | undefined;
  /** For an identity that the controller makes. */
  readonly reclaim: Reclaim;
}

const RETAIN: Reclaim = { type: 'Retain' };
/** Pods of these have a new name each time, so that nobody would ever ask for the identity again. */
const PASSING: Reclaim = { type: 'Delete', after: '24h' };

/** What the annotation says. `Implied`: nothing, so that the namespace, a pin or the gate itself is what asks. */
export type Ask = { readonly type: 'None' | 'Auto' | 'Implied' } | { readonly type: 'Named'; readonly name: string };

export function askOf(pod: Pod): Ask {
  const said = pod.metadata.annotations?.[ANNOTATION_IDENTITY] ?? '';
  if (said === '') return { type: 'Implied' };
  if (said === 'none') return { type: 'None' };
  return said === 'auto' ? { type: 'Auto' } : { type: 'Named', name: said };
}

/** Whether the pod is held by our gate. */
export function isGated(pod: Pod): boolean {
  return pod.spec.schedulingGates?.some((gate) => gate.name === GATE_IDENTITY) === true;
}

/** Whether it waits to be bound: gated, and not on its way out. */
export function isWaiting(pod: Pod): boolean {
  return isGated(pod) && pod.metadata.labels?.[LABEL_GATED] === GATED && pod.metadata.deletionTimestamp === undefined;
}

/** What is wrong with the name in the annotation, if anything. */
export function whatIsWrongWithName(ask: Ask): string | undefined {
  if (ask.type !== 'Named' || (ask.name.length <= 63 && /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/.test(ask.name)))
    return undefined;
  return `"${ask.name}" cannot be the name of an identity.`;
}

/** The group of the identity that the pod asks for. Names of different kinds of owners never meet. */
export function groupOf(pod: Pod): Group {
  const ask = askOf(pod);
  if (ask.type === 'Named' && whatIsWrongWithName(ask) === undefined) return ofName(groupNameOf(ask.name), RETAIN);
  const { name, ownerReferences = [] } = pod.metadata;
  const owner = ownerReferences.find((reference) => reference.controller === true);
  return owner === undefined ? ofName(`pod-${name}`, RETAIN) : groupOfOwned(pod, owner);
}

function groupOfOwned(pod: Pod, owner: OwnerReference): Group {
  const { name, labels = {} } = pod.metadata;
  switch (owner.kind) {
    case 'StatefulSet':
      return ofName(`statefulset-${name}`, RETAIN);
    case 'ReplicaSet': {
      const ending = `-${labels['pod-template-hash']}`;
      // Other controllers than Deployments make ReplicaSets for each revision: their identities do not stay for ever.
      if (!owner.name.endsWith(ending)) return ofSlots('ReplicaSet', owner.name, PASSING);
      return ofSlots('Deployment', owner.name.slice(0, -ending.length), RETAIN);
    }
    // With a hyphen, daemons `a` on node `b-c` and daemons `a-b` on node `c` would have one identity.
    case 'DaemonSet':
      return ofName(`daemonset-${owner.name}.${nodeOf(pod) ?? name}`, RETAIN);
    case 'Job': {
      const index = pod.metadata.annotations?.['batch.kubernetes.io/job-completion-index'];
      return ofName(`job-${owner.name}${index === undefined ? '' : `.${index}`}`, PASSING);
    }
  }
  return ofName(`${owner.kind.toLowerCase()}-${name}`, PASSING);
}

function ofName(name: string, reclaim: Reclaim): Group {
  return { name, slotsOf: undefined, reclaim };
}

function ofSlots(kind: 'Deployment' | 'ReplicaSet', name: string, reclaim: Reclaim): Group {
  return { name: `${kind.toLowerCase()}-${name}`, slotsOf: { kind, name }, reclaim };
}

/** The node that a DaemonSet made the pod for. */
function nodeOf(pod: Pod): string | undefined {
  const terms =
    pod.spec.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution?.nodeSelectorTerms ?? [];
  return terms.flatMap((term) => term.matchFields ?? []).find((field) => field.key === 'metadata.name')?.values?.[0];
}

/** The group that an identity belongs to, by its name alone. */
export function groupNameOf(identity: string): string {
  return /^((?:deployment|replicaset)-.+)-\d+$/.exec(identity)?.[1] ?? identity;
}

/** Names of the identities that a pod of the group may have, the preferred one first. */
export function candidatesFor(pod: Pod, group: Group, replicas: number | undefined): readonly string[] {
  const ask = askOf(pod);
  if (ask.type === 'Named') return [ask.name];
  if (group.slotsOf === undefined) return [group.name];
  return Array.from({ length: replicas ?? 1 }, (_, slot) => `${group.name}-${slot}`);
}
