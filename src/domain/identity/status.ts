// What an identity says of itself: who holds it, and who waits for it.
import type { Pod } from '../../api/kube.ts';
import type { IdentityHolder, MacvlanIdentity, MacvlanIdentityStatus } from '../../api/v1alpha1/identity.ts';
import { findCondition, formatTime, setCondition } from '../objects/conditions.ts';
import { describeAll, remedyFor } from './conflict-text.ts';
import type { Conflict } from './conflicts.ts';
import type { Wait } from './plan.ts';
import { type HolderFacts, nodeNameOf } from './release.ts';

export interface StatusInput {
  readonly identity: MacvlanIdentity;
  readonly holder: IdentityHolder | undefined;
  readonly wait: Wait | undefined;
  /** Addresses of the identity that are in two places. Missing: nobody has looked, so that what was said stands. */
  readonly conflicts?: readonly Conflict[];
  /** Milliseconds since 1970. */
  readonly now: number;
}

export function identityStatus({ identity, holder, wait, conflicts, now }: StatusInput): MacvlanIdentityStatus {
  const before = identity.status;
  const isReleased = before?.holder !== undefined && before.holder.uid !== holder?.uid;
  const lastHeld = isReleased ? formatTime(now) : before?.lastHeld;
  const conditions = withConflicts(withWait(before?.conditions ?? [], wait, now), conflicts, now);
  return {
    phase: phaseOf(holder, wait),
    ...(holder === undefined ? {} : { holder }),
    ...(lastHeld === undefined ? {} : { lastHeld }),
    ...(conditions.length === 0 ? {} : { conditions }),
  };
}

function phaseOf(holder: IdentityHolder | undefined, wait: Wait | undefined): 'Bound' | 'Free' | 'Waiting' {
  if (holder !== undefined) return 'Bound';
  return wait === undefined ? 'Free' : 'Waiting';
}

type Conditions = NonNullable<MacvlanIdentityStatus['conditions']>;

/** An identity for which nobody ever waited says nothing about it. */
function withWait(before: Conditions, wait: Wait | undefined, now: number): Conditions {
  if (wait !== undefined) {
    const message = `Pod ${wait.pod.metadata.name}: ${wait.message} ${wait.remedy}`;
    return setCondition(before, { type: 'Waiting', status: 'True', reason: wait.reason, message }, now);
  }
  if (findCondition(before, 'Waiting') === undefined) return before;
  const message = 'No pod waits for this identity.';
  return setCondition(before, { type: 'Waiting', status: 'False', reason: 'NobodyWaits', message }, now);
}

/** The same for conflicts: one that never had any says nothing. */
function withConflicts(before: Conditions, conflicts: readonly Conflict[] | undefined, now: number): Conditions {
  const [first] = conflicts ?? [];
  if (first !== undefined) {
    const message = `${describeAll(conflicts ?? [])} ${remedyFor(first)}`;
    return setCondition(before, { type: 'Conflict', status: 'True', reason: 'AddressConflict', message }, now);
  }
  if (conflicts === undefined || findCondition(before, 'Conflict') === undefined) return before;
  const message = 'Its addresses are nowhere else.';
  return setCondition(before, { type: 'Conflict', status: 'False', reason: 'NoConflict', message }, now);
}

/** The pod as a holder, with its node as far as it is known by now. */
export function holderFor(pod: Pod): IdentityHolder {
  const node = nodeNameOf(pod);
  return { pod: pod.metadata.name, uid: pod.metadata.uid ?? '', ...(node === undefined ? {} : { node }) };
}

/**
 * The holder with what is known of it by now. The boot is noted when the pod vanished and not before: as long as there is an
 * object, a kubelet starts its pod again after each boot.
 */
export function holderNow({ holder, pod, lastSeen, node }: HolderFacts): IdentityHolder {
  if (pod !== undefined) return holderFor(pod);
  const name = nodeNameOf(lastSeen) ?? holder.node;
  const bootId = holder.bootId ?? node?.status?.nodeInfo?.bootID;
  return {
    ...holder,
    ...(name === undefined ? {} : { node: name }),
    ...(bootId === undefined ? {} : { bootId }),
  };
}
