// What happens to one group of identities: which are free again, which pod gets which, and who waits for whom.
import type { Pod } from '../../api/kube.ts';
import { ANNOTATION_BOUND, ANNOTATION_RELEASE } from '../../api/names.ts';
import type { MacvlanClaim } from '../../api/v1alpha1/claim.ts';
import type { MacvlanIdentity } from '../../api/v1alpha1/identity.ts';
import { assignIdentities } from './assign.ts';
import { askOf, candidatesFor, groupOf, isWaiting, whatIsWrongWithName } from './key.ts';
import type { Refusal } from './reason.ts';
import { describeHolder, type HolderFacts, hasEnded, type Proof, proofOf } from './release.ts';

/** Everything that is known about a group. */
export interface GroupFacts {
  readonly namespace: string;
  /** Pods of the group that wait or are bound. */
  readonly pods: readonly Pod[];
  readonly identities: readonly MacvlanIdentity[];
  /** How many slots a Deployment or ReplicaSet has; nothing for groups of one, and where nobody waits. */
  readonly replicas: number | undefined;
  /** By name of the identity, for those that somebody holds, and those that do not know yet who does. */
  readonly holders: ReadonlyMap<string, HolderFacts>;
  /** Claims of the group's identities. */
  readonly claims: readonly MacvlanClaim[];
}

/** A pod that cannot be bound now. */
export interface Wait extends Refusal {
  readonly pod: Pod;
  /** The identity that shows it, where there is one. */
  readonly identity: string | undefined;
}

/** A pod that gets an identity. */
export interface Binding {
  readonly pod: Pod;
  readonly identity: string;
  /** Uid of the holder before, which is proved to be gone. */
  readonly replaces: string | undefined;
}

export interface GroupPlan {
  /** By name of the identity: why its holder is known to be gone. */
  readonly proofs: ReadonlyMap<string, Proof>;
  readonly bindings: readonly Binding[];
  /** Pods that need nothing of us. */
  readonly dismissals: readonly Pod[];
  readonly waits: readonly Wait[];
  /** Bound pods: what their identity does not know of them, or has no claim on, is recorded. */
  readonly adoptions: readonly { readonly pod: Pod; readonly identity: string }[];
  /** Claims whose identity is gone, and whom no pod uses. */
  readonly orphans: readonly MacvlanClaim[];
}

/** Same facts, same plan. */
export function planGroup(facts: GroupFacts): GroupPlan {
  const proofs = proofsIn(facts);
  const waiting = facts.pods.filter(isWaiting);
  const asking = waiting.filter((pod) => askOf(pod).type !== 'None');
  const [named, misnamed] = partition(asking, (pod) => whatIsWrongWithName(askOf(pod)) === undefined);
  const candidates = candidatesIn(facts, named.length);
  const assignments = assignIdentities({ pods: named, candidates, holders: holdersIn(facts, proofs) });
  return {
    proofs,
    bindings: assignments.flatMap(({ pod, identity }) =>
      identity === undefined ? [] : [{ pod, identity, replaces: facts.holders.get(identity)?.holder.uid }],
    ),
    dismissals: waiting.filter((pod) => askOf(pod).type === 'None'),
    waits: [
      ...misnamed.map(nameInvalid),
      ...assignments
        .filter(({ identity }) => identity === undefined)
        .map(({ pod }) => heldByOthers(pod, candidates(pod), facts)),
    ],
    adoptions: adoptionsIn(facts, proofs),
    orphans: orphansIn(facts, new Set([...new Set(named.map(candidates))].flat())),
  };
}

/**
 * Which identities a pod may have. As many slots as are held or waited for are enough to find a free one, however many replicas
 * somebody writes into a Deployment.
 */
function candidatesIn({ replicas, holders }: GroupFacts, waiting: number): (pod: Pod) => readonly string[] {
  const slots = replicas === undefined ? undefined : Math.min(replicas, holders.size + waiting);
  const lists = new Map<string, readonly string[]>(); // all pods of a group that name none have the same ones
  return (pod) => {
    const ask = askOf(pod);
    const key = ask.type === 'Named' ? ask.name : '';
    const list = lists.get(key) ?? candidatesFor(pod, groupOf(pod), slots);
    lists.set(key, list);
    return list;
  };
}

function proofsIn({ holders }: GroupFacts): ReadonlyMap<string, Proof> {
  const proofs = new Map<string, Proof>();
  for (const [identity, holder] of holders) {
    const proof = proofOf(holder);
    if (proof !== undefined) proofs.set(identity, proof);
  }
  return proofs;
}

/** Who holds what, after those that are gone. */
function holdersIn({ holders }: GroupFacts, proofs: ReadonlyMap<string, Proof>): ReadonlyMap<string, string> {
  const held = [...holders].filter(([identity]) => !proofs.has(identity));
  return new Map(held.map(([identity, { holder }]) => [identity, holder.uid]));
}

function heldByOthers(pod: Pod, candidates: readonly string[], { holders, namespace }: GroupFacts): Wait {
  const held = candidates.flatMap((identity) => {
    const facts = holders.get(identity);
    return facts === undefined ? [] : [{ identity, facts }];
  });
  // The one that is most likely to go: it is being deleted, or is gone already.
  const first =
    held.find(({ facts }) => facts.pod?.metadata.deletionTimestamp !== undefined || facts.pod === undefined) ?? held[0];
  if (first === undefined) return noSlots(pod);
  return {
    pod,
    identity: first.identity,
    reason: 'HolderAlive',
    message: `Waits for MacvlanIdentity ${namespace}/${first.identity}, held by ${describeHolder(first.facts)}.`,
    remedy: remedyFor(pod, first.identity, first.facts),
  };
}

function remedyFor(pod: Pod, identity: string, { pod: holder, holder: { uid } }: HolderFacts): string {
  if (holder === undefined || holder.metadata.deletionTimestamp !== undefined) {
    const release = `kubectl -n ${pod.metadata.namespace} annotate mvi ${identity} ${ANNOTATION_RELEASE}=${uid}`;
    return `If it is known not to run any more: ${release}`;
  }
  if (groupOf(pod).slotsOf?.kind === 'Deployment')
    return 'Set strategy.type: Recreate in the Deployment, so that pods go before others come.';
  return 'It goes on when that pod has ended.';
}

function noSlots(pod: Pod): Wait {
  return {
    pod,
    identity: undefined,
    reason: 'HolderAlive',
    message: 'Who made the pod has no replicas, and so no identity for this one.',
    remedy: 'It goes on when that is scaled up.',
  };
}

function nameInvalid(pod: Pod): Wait {
  return {
    pod,
    identity: undefined,
    reason: 'IdentityNameInvalid',
    message: whatIsWrongWithName(askOf(pod)) ?? '',
    remedy: 'Use at most 63 lower-case letters, digits and hyphens, or auto.',
  };
}

function isHolding(pod: Pod, identity: string): boolean {
  return pod.metadata.annotations?.[ANNOTATION_BOUND] === identity && !isWaiting(pod) && !hasEnded(pod);
}

function missingIdentities({ claims, identities }: GroupFacts): ReadonlySet<string> {
  const there = new Set(identities.map(({ metadata }) => metadata.name));
  return new Set(claims.map(({ spec }) => spec.identity.name).filter((name) => !there.has(name)));
}

function adoptionsIn({ holders }: GroupFacts, proofs: ReadonlyMap<string, Proof>): GroupPlan['adoptions'] {
  return [...holders].flatMap(([identity, { pod }]) =>
    pod === undefined || proofs.has(identity) || isWaiting(pod) ? [] : [{ pod, identity }],
  );
}

function orphansIn(facts: GroupFacts, wanted: ReadonlySet<string>): readonly MacvlanClaim[] {
  const missing = missingIdentities(facts);
  const isUsed = (name: string) => wanted.has(name) || facts.pods.some((pod) => isHolding(pod, name));
  return facts.claims.filter(({ spec }) => missing.has(spec.identity.name) && !isUsed(spec.identity.name));
}

function partition<T>(items: readonly T[], test: (item: T) => boolean): readonly [readonly T[], readonly T[]] {
  return [items.filter(test), items.filter((item) => !test(item))];
}
